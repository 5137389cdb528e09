//! A pull request that is open while the record of it fails: its address is in the answer and in the audit.

use serde_json::json;

use super::portal::{BOTH, BRANCH, Portal, order};
use crate::support::{
    code_host::{Kind, Planted},
    log::Remembered,
    postgres::{PASSWORD, Postgres},
};

/// The last line of the log with all of these.
fn line(log: &Remembered, parts: &[&str]) -> Option<String> {
    let text = log.text();
    let found = text
        .lines()
        .rfind(|line| parts.iter().all(|part| line.contains(part)));
    found.map(str::to_owned)
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_recorded_is_told_by_its_address_and_recorded_by_running_it_again() {
    let server = Postgres::own();
    for kind in BOTH {
        let (log, _guard) = Remembered::listen();
        let portal = Portal::on(kind, &server).await;
        server.stop();
        let (status, message) = portal.ask(&order("small")).await.refused();
        let url = match kind {
            Kind::GitHub => "https://code.example.com/acme/requests/pull/1",
            Kind::GitLab => "https://code.example.com/acme/requests/-/merge_requests/1",
        };
        assert!(
            status == 503 && message.starts_with(&format!("{url} is open. ")),
            "{status} {message}"
        );
        assert!(!message.contains(PASSWORD), "{message}");
        let commit = portal.world(|world| world.branches[BRANCH].clone());
        let opened = line(&log, &["isAuditEvent", "pull-request-mutate", "succeeded"]);
        let opened = opened.expect("it succeeded, whatever became of the record");
        assert!(opened.contains(url) && opened.contains(&commit), "{opened}");
        assert!(line(&log, &["isAuditEvent", "pull-request-mutate", "failed"]).is_none());
        assert!(line(&log, &["isAuditEvent", "pending-request-mutate", "failed"]).is_some());
        server.resume();
        assert_eq!(portal.ask(&order("small")).await.ok()["created"], false);
        let listed = portal.get("/api/ske/pending-requests").await.ok().to_string();
        assert!(listed.contains(url), "{listed}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_recorded_is_named_in_the_log() {
    let (log, _guard) = Remembered::listen();
    let portal = Portal::start(Kind::GitHub).await;
    let url = "https://elsewhere.example.com/acme/requests/pull/1";
    let body = json!({ "number": 1, "html_url": url, "head": { "ref": BRANCH }, "base": { "ref": "main" } });
    let answer = Planted::Raw(201, Vec::new(), body);
    portal.host.plant("POST /repos/acme/requests/pulls", &[answer]);
    assert_eq!(portal.ask(&order("small")).await.ok()["remoteUrl"], url);
    assert!(
        line(&log, &["WARN", url, "cannot be recorded"]).is_some(),
        "{}",
        log.text()
    );
}
