//! The repository's password in no line and no answer, and a broken file in one line of the log only.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    place::{NOTICED, document, holding},
    process::{Answered, Home, Process},
};
use crate::support::{
    binary::Binary,
    git::server::{Fault, PASSWORD, Step, USER},
};

/// Everything that is printed, at every level and by every library.
const LOUD: [(&str, &str); 2] = [("LOG_LEVEL", "silly"), ("RUST_LOG", "trace")];

#[track_caller]
fn has_none(text: &str) {
    let encoded = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for secret in [PASSWORD, encoded.as_str()] {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}

#[track_caller]
fn tells_none(answered: Answered) {
    let (_, body) = answered.expect("an answer");
    has_none(&body.to_string());
}

async fn ended(process: Process) -> String {
    let (status, printed) = tokio::task::spawn_blocking(|| process.binary.terminated())
        .await
        .unwrap();
    assert!(status.success(), "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repositorys_password_is_in_no_line_and_no_answer() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let home = Home::of(&workshop.server, "{ timeout: 2s }", "");
    let process = home.start(&LOUD).await;
    let caller = &process.caller;
    tells_none(caller.read("mine").await);
    tells_none(caller.write("mine", json!({ "size": "large" })).await);
    let refusing = format!("echo 'no, {PASSWORD} of {USER} may not push' >&2; exit 1");
    for fault in [
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(500),
        Fault::CutAnswer,
        Fault::CutRequest,
        Fault::Redirect(format!("http://{USER}:{PASSWORD}@127.0.0.1:1/x")),
    ] {
        for step in [Step::PushLook, Step::Push] {
            workshop.server.fail_next(step, fault.clone());
            let spec = json!({ "of": format!("{step:?} {fault:?}").replace(PASSWORD, "x") });
            tells_none(caller.write("mine", spec).await);
        }
        workshop.server.fail_next(Step::FetchLook, fault.clone());
        tells_none(caller.delete("nobodys").await);
    }
    workshop.remote.hook("pre-receive", &refusing);
    let (status, body) = caller.write("mine", json!({ "size": "refused" })).await.unwrap();
    assert!(status >= 400, "{body}");
    has_none(&body.to_string());
    let printed = ended(process).await;
    assert!(printed.contains("/configure-resource"), "the requests are logged");
    has_none(&printed);
    let check = Binary::start(home.path(), &["check"], &LOUD);
    let (_, printed) = tokio::task::spawn_blocking(|| check.ended()).await.unwrap();
    has_none(&printed);
}

/// Asks until the process has noticed what was pushed.
async fn until_read(process: &Process, name: &str) {
    let end = tokio::time::Instant::now() + NOTICED;
    while process.caller.read(name).await.unwrap().0 != 200 {
        assert!(tokio::time::Instant::now() < end, "{name} is never seen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_is_told_once_and_again_when_it_changed() {
    let workshop = holding(&[
        ("requests/broken.yaml", "a: [\n"),
        ("requests/a.yaml", &document("mine", "small")),
    ])
    .await;
    let process = Home::of(&workshop.server, "{}", "").start(&[]).await;
    for _ in 0..3 {
        process.caller.read("mine").await.unwrap();
    }
    process.caller.write("other", json!({})).await.unwrap();
    workshop
        .remote
        .push_file("requests/b.yaml", &document("second", "small"));
    until_read(&process, "second").await;
    workshop.remote.push_file("requests/broken.yaml", "b: [\n");
    workshop
        .remote
        .push_file("requests/c.yaml", &document("third", "small"));
    until_read(&process, "third").await;
    let printed = ended(process).await;
    let told: Vec<_> = printed
        .lines()
        .filter(|line| line.contains("requests/broken.yaml"))
        .collect();
    assert_eq!(told.len(), 2, "{told:#?}");
}
