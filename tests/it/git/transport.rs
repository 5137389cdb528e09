//! Certificates and proxies.

use stagedoor::infra::git::GitError;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::support::git::{
    child::Order,
    server::{Fault, GitServer, Step},
    tls::{Authority, TRUSTED},
    workshop::{Workshop, committed, password, put, write},
};

#[tokio::test]
async fn a_private_authority_is_trusted_for_git_as_well() {
    let workshop = Workshop::behind(GitServer::start_tls(TRUSTED.acceptor("127.0.0.1")).await);
    workshop.remote.push_file("README", "by hand\n");
    assert!(workshop.server.url("").starts_with("https://"));
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    assert_eq!(workshop.remote.files(), ["README", "a"]);
    repository.tip().await.unwrap().unwrap();
}

/// So many letters that pack to little less.
fn incompressible(length: usize) -> String {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let letters = std::iter::successors(Some(1_u64), next).map(|state| (state >> 57) as u8);
    let letters = letters.filter(|letter| letter.is_ascii_graphic());
    letters.map(char::from).take(length).collect()
}

#[tokio::test]
async fn what_is_large_is_fetched_and_pushed_whole() {
    let large = incompressible(2_000_000);
    let workshop = Workshop::behind(GitServer::start_tls(TRUSTED.acceptor("127.0.0.1")).await);
    workshop.remote.push_file("by-hand", &large);
    let repository = workshop.repository();
    committed(write(&repository, put("a", &format!("{large}!"))).await);
    workshop.server.fail_next(Step::Push, Fault::CutAnswer);
    committed(write(&repository, put("b", &format!("{large}?"))).await);
    assert_eq!(workshop.remote.show("b"), format!("{large}?"));
    assert_eq!(workshop.remote.commits().len(), 3);
    workshop.remote.must_be_linear_and_whole();
    let met = workshop.server.met();
    let pushes = met.iter().filter(|met| met.step == Step::Push);
    assert!(
        pushes.clone().count() == 2 && pushes.clone().all(|met| met.streamed),
        "{met:?}"
    );
}

#[tokio::test]
async fn a_large_push_that_is_refused_midway_says_why() {
    for (status, answers, cure) in [
        (401, 2, "did not accept the credential"),
        (413, 1, "larger than the server takes"),
    ] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository();
        for _ in 0..answers {
            workshop.server.fail_next(Step::Push, Fault::Early(status));
        }
        let large = incompressible(8_000_000);
        let error = write(&repository, put("a", &large)).await.unwrap_err();
        assert!(error.to_string().contains(cure), "{status}: {error}");
        assert_eq!(workshop.remote.files(), ["README"]);
        committed(write(&repository, put("b", "b")).await);
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_we_know_or_for_another_name_is_refused() {
    let stranger = GitServer::start_tls(Authority::new().acceptor("127.0.0.1")).await;
    let other_name = GitServer::start_tls(TRUSTED.acceptor("127.0.0.2")).await;
    for server in [stranger, other_name] {
        let workshop = Workshop::behind(server);
        let repository = workshop.repository_with(|settings| settings.credentials = password("secret"));
        for error in [
            repository.tip().await.unwrap_err(),
            write(&repository, put("a", "a")).await.unwrap_err(),
        ] {
            assert!(matches!(error, GitError::Untrusted { .. }), "{error}");
            assert!(error.to_string().contains("stagedoor.tls.caFile"), "{error}");
        }
        assert!(workshop.server.met().is_empty(), "no request was sent");
    }
}

/// What the process does that sees other proxies: those come from the environment.
#[allow(
    clippy::print_stdout,
    reason = "the test that started this process reads what it prints"
)]
async fn ask(order: Order) {
    match order.repository().tip().await {
        Ok(tip) => println!("TIP {tip:?}"),
        Err(error) => println!("ERROR {error}"),
    }
}

/// A proxy that writes down the first line it is sent and refuses.
async fn proxy() -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let first_line = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = vec![0; 4096];
        let read = stream.read(&mut text).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&text[..read]).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    });
    (url, first_line)
}

#[tokio::test]
async fn another_machine_is_reached_through_the_proxy_and_this_one_never() {
    const THIS: &str = "git::transport::another_machine_is_reached_through_the_proxy_and_this_one_never";
    if let Some(order) = Order::received() {
        return ask(order).await;
    }
    let workshop = Workshop::new().await;
    let (proxy, first_line) = proxy().await;
    let proxies = [("HTTPS_PROXY", proxy.as_str()), ("HTTP_PROXY", &proxy)];
    let here = Order::new(&workshop, &workshop.server.url("state.git"), "tip");
    let said = here.said(THIS, &proxies).await;
    assert!(said.contains("TIP Some"), "{said}");
    assert!(!first_line.is_finished(), "the proxy was not asked");
    let elsewhere = Order::new(&workshop, "https://git.example.test/state.git", "tip");
    let said = elsewhere.said(THIS, &proxies).await;
    assert!(
        said.contains("ERROR https://git.example.test/state.git"),
        "{said}"
    );
    assert_eq!(first_line.await.unwrap(), "CONNECT git.example.test:443 HTTP/1.1");
}

/// A proxy that leads every connection to this address.
async fn tunnel(to: std::net::SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let read = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(read > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_proxy_and_an_authority_of_the_environment_serve_git() {
    const THIS: &str = "git::transport::a_proxy_and_an_authority_of_the_environment_serve_git";
    if let Some(order) = Order::received() {
        committed(write(&order.repository(), put("a", "a")).await);
        return ask(order).await;
    }
    let acceptor = TRUSTED.acceptor("git.example.test");
    let workshop = Workshop::behind(GitServer::start_tls(acceptor).await);
    workshop.remote.push_file("README", "by hand\n");
    let address = workshop.server.url("").replace("https://", "");
    let proxy = tunnel(address.trim_end_matches('/').parse().unwrap()).await;
    let authority = workshop.data.path().join("authority.pem");
    std::fs::write(&authority, TRUSTED.pem()).unwrap();
    let elsewhere = Order::new(&workshop, "https://git.example.test/state.git", "write");
    let environment = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
    ];
    let said = elsewhere.said(THIS, &environment).await;
    assert!(said.contains("TIP Some"), "{said}");
    assert_eq!(workshop.remote.files(), ["README", "a"]);
}

#[tokio::test]
async fn hosts_named_in_no_proxy_are_reached_directly() {
    const THIS: &str = "git::transport::hosts_named_in_no_proxy_are_reached_directly";
    if let Some(order) = Order::received() {
        return ask(order).await;
    }
    let workshop = Workshop::new().await;
    let (proxy, first_line) = proxy().await;
    let elsewhere = Order::new(&workshop, "https://git.example.test/state.git", "tip");
    let environment = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "git.example.test")];
    let said = elsewhere.said(THIS, &environment).await;
    assert!(said.contains("ERROR"), "{said}");
    assert!(!first_line.is_finished(), "the proxy was not asked");
}
