//! How a failure reaches the person on the task page, who sees the status line alone.

use serde_json::json;

use super::{
    portal::{LIST, Portal},
    sample::PANIC,
};
use crate::support::{app::STATIC_TOKEN, log::Remembered};

#[tokio::test]
async fn the_status_line_says_what_failed_in_one_line_of_visible_ascii_within_200_bytes() {
    let portal = Portal::start().await;
    let message = format!(
        "Stack ‘café’ is locked\r\nset-cookie: a=b\u{7}\t{}",
        "and on ".repeat(60)
    );
    let reply = portal
        .invoke("fail", &json!({"status": 409, "message": message}))
        .await;
    assert_eq!(reply.phrase.len(), 200);
    assert!(
        reply
            .phrase
            .starts_with("Stack 'caf?' is locked  set-cookie: a=b  and on"),
        "{}",
        reply.phrase
    );
    assert!(!reply.headers.contains("set-cookie"));
    assert!(
        reply.phrase.bytes().all(|byte| (0x20..=0x7e).contains(&byte)),
        "{}",
        reply.phrase
    );
    assert_eq!(reply.json()["error"]["message"], message, "the body says it all");
}

#[tokio::test]
async fn a_large_failure_keeps_its_phrase_when_its_body_is_compressed() {
    let portal = Portal::start().await;
    let input =
        json!({"status": 502, "message": format!("Upstream said no: {}", "x".repeat(3000))}).to_string();
    let reply = portal
        .raw(&format!(
            "POST {LIST}/sample:fail/invoke HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-encoding: gzip\r\n\
             authorization: Bearer {STATIC_TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{input}",
            input.len()
        ))
        .await;
    assert!(
        reply.headers.contains("content-encoding: gzip"),
        "{}",
        reply.headers
    );
    assert!(
        reply.phrase.starts_with("Upstream said no: xxx"),
        "{}",
        reply.phrase
    );
}

#[tokio::test]
async fn a_secret_of_the_configuration_never_gets_into_the_phrase() {
    let portal = Portal::with("{}", "sample2: { password: canary-password }\n").await;
    let message = format!("no login with canary-password or {STATIC_TOKEN}");
    let reply = portal
        .invoke("fail", &json!({"status": 502, "message": message}))
        .await;
    assert!(
        reply.phrase.starts_with("no login with *** or *** ["),
        "{}",
        reply.phrase
    );
}

#[tokio::test]
async fn every_failure_can_be_found_in_the_log_by_the_id_in_its_phrase() {
    let (log, _listening) = Remembered::listen();
    let portal = Portal::start().await;
    for reply in [
        portal.invoke("unknown", &json!({})).await,
        portal.invoke("do-thing", &json!({})).await,
        portal
            .invoke("fail", &json!({"status": 503, "message": "away"}))
            .await,
    ] {
        let (_, _, message) = reply.refused();
        let id = reply.json()["error"]["requestId"].as_str().unwrap().to_owned();
        let text = log.text();
        let line = text
            .lines()
            .find(|line| line.contains(&id))
            .expect("a line with the id");
        let begin: String = message.chars().take(20).filter(|each| *each != '"').collect();
        let begin = begin.split(' ').next().unwrap().to_owned();
        assert!(line.contains(&begin) && line.contains("/invoke"), "{line}");
    }
}

#[tokio::test]
async fn an_id_of_any_length_takes_two_hundred_bytes_of_the_message_and_of_the_log() {
    let (log, _listening) = Remembered::listen();
    let portal = Portal::start().await;
    // With a mark for what is left out, the cut would be within a character.
    let path = format!("{LIST}/{}{}tail/invoke", "x".repeat(196), "%C3%A9".repeat(900));
    let reply = portal.send(("POST", &path), Some(STATIC_TOKEN), "{}").await;
    let (status, _, message) = reply.refused();
    let sentence = format!("Action \"{}…\" not found", "x".repeat(196));
    assert_eq!((status, &message), (404, &sentence));
    assert!(!log.text().contains('é'), "{}", log.text());
}

#[tokio::test]
async fn an_action_that_panics_is_a_500_with_an_id_whose_words_are_for_the_log_alone() {
    let (log, _listening) = Remembered::listen();
    let portal = Portal::start().await;
    let reply = portal.invoke("panics", &json!({})).await;
    let (status, name, message) = reply.refused();
    assert_eq!((status, name.as_str()), (500, "Error"));
    assert!(message.contains("defect in Stagedoor"), "{message}");
    assert!(!format!("{reply:?}").contains(PANIC), "{reply:?}");
    let id = reply.json()["error"]["requestId"].as_str().unwrap().to_owned();
    let text = log.text();
    assert!(
        text.lines()
            .any(|line| line.contains(PANIC) && line.contains(&id)),
        "{text}"
    );
    assert_eq!(
        portal.invoke("look", &json!({})).await.status,
        200,
        "the service lives on"
    );
}

#[tokio::test]
async fn a_success_and_the_list_keep_the_usual_phrase() {
    let portal = Portal::start().await;
    assert_eq!(portal.invoke("look", &json!({})).await.phrase, "OK");
    assert_eq!(
        portal.send(("GET", LIST), Some(STATIC_TOKEN), "").await.phrase,
        "OK"
    );
    let missing = portal
        .send(("GET", "/api/sample/nope"), Some(STATIC_TOKEN), "")
        .await;
    assert_eq!((missing.status, missing.phrase.as_str()), (404, "Not Found"));
}
