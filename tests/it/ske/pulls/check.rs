//! `stagedoor check`: each repository that may be written to, with the credential that would write to it.

use std::time::{Duration, Instant};

use super::portal::BOTH;
use crate::support::{
    app::{TestApp, backend_section},
    code_host::{APP_TOKEN, FakeCodeHost, Kind, Planted, TOKEN, refusal, world::World},
};

const REPOSITORY: &str = "acme/requests";

async fn host(kind: Kind) -> FakeCodeHost {
    let host = FakeCodeHost::start(kind).await;
    host.hold(REPOSITORY, World::with(&[("README.md", "hello\n")]));
    host
}

/// The lines about repositories, with this in the entry of `integrations`, and these repositories of `acme`.
async fn lines(host: &FakeCodeHost, integration: &str, repositories: &[&str]) -> Vec<String> {
    let section = match host.kind {
        Kind::GitHub => "github",
        Kind::GitLab => "gitlab",
    };
    let entries = repositories
        .iter()
        .map(|repo| format!("{{ host: code.example.com, owner: acme, repo: {repo} }}"));
    let (entries, url) = (entries.collect::<Vec<_>>().join(", "), host.url());
    let config = format!(
        "{}ske:\n  mode: gitops\n  scm: {{ repoUrl: 'http://127.0.0.1:9/state.git', type: github }}\n\
         integrations:\n  {section}:\n    - {{ host: code.example.com, apiBaseUrl: '{url}', {integration} }}\n\
         stagedoor:\n  ske: {{ repositories: [{entries}] }}\n",
        backend_section()
    );
    let checks = TestApp::check(&config).await.into_iter();
    let ours = checks.filter(|check| check.name.starts_with("SKE repositories["));
    ours.map(|check| match check.outcome {
        Ok(seen) => format!("{} ok: {seen}", check.name),
        Err(problem) => format!("{} failed: {problem}", check.name),
    })
    .collect()
}

fn token() -> String {
    format!("token: {TOKEN}")
}

#[tokio::test]
async fn each_repository_is_a_line_with_what_the_credential_may_do_there() {
    for (kind, key) in [(Kind::GitHub, "github"), (Kind::GitLab, "gitlab")] {
        let host = host(kind).await;
        let told = lines(&host, &token(), &["requests", "catalog"]).await;
        assert_eq!(
            told[0],
            format!(
                "SKE repositories[0] ok: code.example.com/acme/requests answers, the credential of \
                 integrations.{key}[0] was accepted, may write; its default branch is 'main'"
            )
        );
        for part in [
            "SKE repositories[1] failed: stagedoor.ske.repositories[1]: ",
            "code.example.com/acme/catalog does not exist",
            &format!("integrations.{key}[0]"),
        ] {
            assert!(told[1].contains(part), "{part}: {told:?}");
        }
        assert_eq!(told.len(), 2);
        assert_eq!(host.count("GET"), 2, "one look each, and nothing is written");
        assert_eq!(host.calls().len(), 2);
    }
}

#[tokio::test]
async fn without_a_list_nobody_is_asked() {
    let host = host(Kind::GitHub).await;
    assert!(lines(&host, &token(), &[]).await.is_empty());
    assert!(host.calls().is_empty());
}

#[tokio::test]
async fn a_credential_that_may_only_look_is_told_with_what_it_lacks() {
    for (kind, lacks) in [(Kind::GitHub, "may not push"), (Kind::GitLab, "Developer")] {
        let host = host(kind).await;
        host.world(REPOSITORY, |world| world.read_only = true);
        let told = lines(&host, &token(), &["requests"]).await;
        assert!(
            told[0].contains("failed: stagedoor.ske.repositories[0]: the credential of")
                && told[0].contains(lacks),
            "{told:?}"
        );
        host.world(REPOSITORY, |world| world.archived = true);
        let told = lines(&host, &token(), &["requests"]).await;
        assert!(told[0].contains("archived"), "{told:?}");
    }
}

#[tokio::test]
async fn an_app_may_what_its_token_was_given_for() {
    use crate::support::github::{APP_ID, KEYS};
    let host = host(Kind::GitHub).await;
    host.take(APP_TOKEN)
        .world(REPOSITORY, |world| world.read_only = true);
    let key = serde_json::to_string(&KEYS[0].serialize_pem()).unwrap();
    let app = format!("apps: [{{ appId: {APP_ID}, privateKey: {key} }}]");
    let told = lines(&host, &app, &["requests"]).await;
    assert!(told[0].contains("may write"), "{told:?}");
    let narrow = serde_json::json!({ "token": APP_TOKEN, "expires_at": "2100-01-01T00:00:00Z",
        "permissions": { "contents": "write", "pull_requests": "read" } });
    let narrow = Planted::Raw(201, Vec::new(), narrow);
    host.plant("POST /app/installations/7/access_tokens", &[narrow]);
    let told = lines(&host, &app, &["requests"]).await;
    assert!(told[0].contains("may not write pull requests"), "{told:?}");
}

#[tokio::test]
async fn a_refused_credential_and_a_host_that_is_none_are_lines_that_name_the_key_and_show_nothing() {
    for kind in BOTH {
        let host = host(kind).await;
        let first = match kind {
            Kind::GitHub => "GET /repos/acme/requests",
            Kind::GitLab => "GET /api/v4/projects/acme%2Frequests",
        };
        let nonsense = Planted::Raw(200, Vec::new(), serde_json::json!({ "message": "hello" }));
        for (answer, says) in [
            (
                refusal(403, &[], &format!("no {TOKEN}")),
                "give it the right to write",
            ),
            (Planted::Page(200), "apiBaseUrl"),
            (nonsense, "apiBaseUrl"),
        ] {
            host.plant(first, &[answer]);
            let told = lines(&host, &token(), &["requests"]).await;
            assert!(
                told[0].contains("failed") && told[0].contains("integrations.git") && told[0].contains(says),
                "{told:?}"
            );
            assert!(!told[0].contains("canary"), "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_host_that_hangs_is_not_waited_for_and_keeps_no_other_from_its_line() {
    let host = host(Kind::GitHub).await;
    host.plant("GET /repos/acme/other", &[Planted::Hang]);
    let begun = Instant::now();
    let told = lines(&host, &token(), &["other", "requests"]).await;
    assert!(told[0].contains("did not answer within"), "{told:?}");
    assert!(told[1].contains("SKE repositories[1] ok"), "{told:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
