//! `ske.scm` and `stagedoor.ske.layout` at the start, and what of them is followed while we run.

use std::fs;

use serde_json::json;
use stagedoor::plugins;
use tokio::time::{Instant, sleep};

use super::{
    place::{Depot, document, holding},
    process::Home,
};
use crate::{
    ske::place::until,
    support::{
        app::{LIMIT, TestApp, backend_section},
        git::{
            server::{GitServer, PASSWORD},
            tls::Authority,
            workshop::Workshop,
        },
        log::Remembered,
    },
};

/// What a configuration with these sections is refused with.
async fn refused(sections: &str) -> Vec<String> {
    TestApp::refused(&format!("{}{sections}", backend_section()), plugins::register).await
}

#[tokio::test]
async fn both_modes_want_a_repository_and_a_credential() {
    for mode in ["gitops", "hybrid"] {
        let kubernetes = "kubernetes: { clusterLocatorMethods: [{ type: config, clusters: [{ name: p, url: 'https://p.test', \
                          authProvider: oidc, oidcTokenProvider: x }] }] }\n";
        let section = |scm: &str| {
            format!("ske:\n  mode: {mode}\n  kubernetes: {{ platformName: p }}\n{scm}{kubernetes}")
        };
        let problems = refused(&section("")).await;
        assert!(
            problems.iter().any(|problem| problem.contains("ske.scm.repoUrl")),
            "{mode}: {problems:?}"
        );
        let url = "  scm: { repoUrl: 'https://git.example.org/a/b' }\n";
        let problems = refused(&section(url)).await;
        assert!(
            problems.iter().any(|problem| problem.contains("ske.scm.token")),
            "{mode}: {problems:?}"
        );
        let token = "  scm: { repoUrl: 'https://git.example.org/a/b', token: t }\n";
        let problems = refused(&section(token)).await;
        assert!(
            problems.iter().any(|problem| problem.contains("ske.scm.type")),
            "{mode}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_the_repository_is_told_at_once() {
    let problems = refused(
        "ske:\n  mode: gitops\n  scm: { repoUrl: 'http://git.example.org/a', type: gitea, token: t, path: 'a/../b', branch: \
         'a..b', defaultAuthor: { email: '<x>' } }\nstagedoor: { ske: { layout: deep } }\n",
    )
    .await;
    for key in [
        "ske.scm.repoUrl",
        "ske.scm.type",
        "ske.scm.path",
        "ske.scm.branch",
        "ske.scm.defaultAuthor.email",
        "stagedoor.ske.layout",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(key)),
            "{key}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn what_the_portal_shares_with_us_and_gitops_has_no_use_for_is_no_hindrance() {
    let more = |config: &str| {
        config.replace(
            "ske:\n  mode",
            "kubernetes: { clusterLocatorMethods: [] }\nske:\n  kubernetes: { platformName: gone }\n  mode",
        )
    };
    let depot = Depot::configured("{}", more).await;
    depot.write("mine", json!({})).await.ok();
}

fn edit(depot: &Depot, change: impl Fn(&str) -> String) {
    let file = depot.app.folder.path().join("app-config.yaml");
    let config = fs::read_to_string(&file).unwrap();
    let changed = change(&config);
    assert_ne!(changed, config);
    fs::write(&file, changed).unwrap();
}

#[tokio::test]
async fn a_new_password_is_used_without_a_restart() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let expired = |config: &str| config.replace(PASSWORD, "expired-t0ken");
    let depot = Depot::behind(workshop, "{}", expired).await;
    assert_eq!(depot.write("mine", json!({})).await.refused().0, 502);
    edit(&depot, |config| config.replace("expired-t0ken", PASSWORD));
    until(200, || depot.write("mine", json!({ "size": "large" }))).await;
    assert!(depot.remote.show("requests/a.yaml").contains("large"));
}

#[tokio::test]
async fn another_repository_branch_or_folder_waits_for_a_restart_and_the_log_says_so() {
    let (log, _listening) = Remembered::listen();
    let depot = Depot::open().await;
    depot.write("mine", json!({})).await.ok();
    edit(&depot, |config| {
        config.replace("path: requests", "path: elsewhere, branch: trunk")
    });
    let end = Instant::now() + LIMIT;
    while !log.text().contains("takes effect after a restart") {
        assert!(Instant::now() < end, "{}", log.text());
        sleep(std::time::Duration::from_millis(50)).await;
    }
    let text = log.text();
    let line = text
        .lines()
        .find(|line| line.contains("takes effect after a restart"))
        .unwrap();
    assert!(line.contains("ske.scm"), "{line}");
    depot.write("other", json!({})).await.ok();
    assert_eq!(depot.files().len(), 2, "still where it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repositorys_private_authority_is_trusted_however_it_is_named() {
    let authority = Authority::new();
    let workshop = Workshop::behind(GitServer::start_tls(authority.acceptor("127.0.0.1")).await);
    workshop
        .remote
        .push_file("requests/a.yaml", &document("mine", "small"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap();
    let named = format!("  tls: {{ caFile: '{file}' }}\n");
    for (more, environment) in [
        (named.as_str(), vec![]),
        ("", vec![("NODE_EXTRA_CA_CERTS", file)]),
        ("", vec![("SSL_CERT_FILE", file)]),
    ] {
        let process = Home::of(&workshop.server, "{}", more).start(&environment).await;
        let (status, body) = process.caller.read("mine").await.unwrap();
        assert_eq!(status, 200, "{more}{environment:?}: {body}");
        let (status, body) = process
            .caller
            .write("mine", json!({ "by": format!("{more}{environment:?}") }))
            .await
            .unwrap();
        assert_eq!(status, 200, "{more}{environment:?}: {body}");
    }
    let process = Home::of(&workshop.server, "{}", "").start(&[]).await;
    let (status, body) = process.caller.read("mine").await.unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(
        status == 502 && message.contains("stagedoor.tls.caFile"),
        "{status} {message}"
    );
    assert_eq!(workshop.remote.commits().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_stopped_finishes_what_it_accepted() {
    use crate::support::git::server::{Fault, Step};
    let workshop = holding(&[]).await;
    let process = Home::of(&workshop.server, "{}", "").start(&[]).await;
    process.caller.read("mine").await.unwrap();
    workshop
        .server
        .fail_next(Step::Push, Fault::Slow(std::time::Duration::from_secs(2)));
    let (caller, binary) = (process.caller, process.binary);
    let writing = tokio::spawn(async move { caller.write("mine", json!({ "size": "small" })).await });
    let end = Instant::now() + LIMIT;
    while workshop.server.count(Step::Push) == 0 {
        assert!(Instant::now() < end, "it never pushes");
        sleep(std::time::Duration::from_millis(10)).await;
    }
    let ended = tokio::task::spawn_blocking(|| binary.terminated()).await.unwrap();
    assert!(ended.0.success(), "{}", ended.1);
    let (status, body) = writing.await.unwrap().expect("the answer comes before the end");
    assert_eq!(status, 200, "{body}");
    assert_eq!(workshop.remote.commits()[0], body["commitsha"].as_str().unwrap());
}
