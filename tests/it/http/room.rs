//! What strangers may hold: the size of a head, and how much of everything there may be at once.

use stagedoor::infra::http_server::{Room, ServerSettings};

use super::support::{Client, TestServer, request};

const ONE: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [127, 0, 0, 2];

/// One address takes at most half of each.
fn little(settings: ServerSettings) -> ServerSettings {
    settings.with_room(Room {
        connections: 8,
        speaking: 4,
        unfinished_heads: 2,
    })
}

async fn start() -> TestServer {
    TestServer::start_with("{}", little).await
}

async fn is_served(client: &mut Client) -> bool {
    client.send(&request("GET", "/short", &[])).await;
    client.answer().await.status == 200
}

/// A request whose head has this many bytes.
fn head_of(length: usize) -> String {
    let empty = request("GET", "/short", &[("x-long", "")]).len();
    request("GET", "/short", &[("x-long", &"x".repeat(length - empty))])
}

#[tokio::test]
async fn a_head_of_more_than_16_kilobytes_is_a_431() {
    let server = TestServer::start("{}").await;
    let tiny = |count| request("GET", "/short", &vec![("a", "b"); count]);
    let target = |length| request("GET", &format!("/short?{}", "x".repeat(length)), &[]);
    for (what, head, status) in [
        ("exactly as much", head_of(16_384), 200),
        ("one byte more", head_of(16_385), 431),
        ("all at once", head_of(100_000), 431),
        ("a long target", target(16_000), 200),
        ("a longer target", target(17_000), 431),
        ("many headers", tiny(50), 200),
        ("very many headers", tiny(100_000), 431),
    ] {
        let mut client = server.client().await;
        client.send(&head).await;
        assert_eq!(client.answer().await.status, status, "{what}");
    }
    // The same in pieces, none of which is the end.
    let mut client = server.client().await;
    for piece in head_of(40_000).as_bytes().chunks(1_000).take(20) {
        client.send(std::str::from_utf8(piece).unwrap()).await;
    }
    assert_eq!(client.answer().await.status, 431);
}

#[tokio::test]
async fn one_address_leaves_connections_for_others() {
    let server = start().await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(server.client_from(ONE).await);
    }
    assert!(
        server.client_from(ONE).await.is_closed().await,
        "it has its share"
    );
    assert!(is_served(&mut server.client_from(OTHER).await).await);
    for mut client in silent {
        assert!(is_served(&mut client).await, "who was silent may still speak");
    }
}

#[tokio::test]
async fn one_address_that_speaks_much_waits_and_others_do_not() {
    let server = start().await;
    let (mut first, mut second) = (server.client_from(ONE).await, server.client_from(ONE).await);
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    let mut third = server.client_from(ONE).await;
    third.send(&request("GET", "/short", &[])).await;
    assert!(is_served(&mut server.client_from(OTHER).await).await);
    drop(first);
    assert_eq!(third.answer().await.status, 200);
    assert!(is_served(&mut second).await);
}

#[tokio::test]
async fn one_address_leaves_unfinished_heads_for_others() {
    let server = start().await;
    let half = "GET /short HTTP/1.1\r\nhost: te";
    let mut clients = [
        server.client_from(ONE).await,
        server.client_from(ONE).await,
        server.client_from(OTHER).await,
    ];
    for client in &mut clients {
        client.send(half).await;
    }
    let [mut first, mut second, mut other] = clients;
    let (refused, mut left) = tokio::select! {
        answer = first.answer() => (answer, second),
        answer = second.answer() => (answer, first),
    };
    assert_eq!(refused.status, 408, "it has its share");
    for client in [&mut left, &mut other] {
        client.send("st\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    // A head that has become complete takes no place any more.
    left.send(half).await;
    left.send("st\r\n\r\n").await;
    assert_eq!(left.answer().await.status, 200);
}

#[tokio::test]
async fn a_trusted_proxy_is_not_taken_for_one_client() {
    let config = r#"{"backend":{"trustProxy":"loopback"}}"#;
    let server = TestServer::start_with(config, little).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(server.client_from(ONE).await);
    }
    assert!(
        server.client_from(ONE).await.is_closed().await,
        "there are eight in all"
    );
    for mut client in clients {
        assert!(is_served(&mut client).await);
    }
}
