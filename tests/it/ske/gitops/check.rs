//! `stagedoor check` in gitops mode: what is tried of the repository, without writing to it.

use super::place::{document, holding, scm};
use crate::{
    ske::portal::Backstage,
    support::{
        app::TestApp,
        git::{
            server::{Fault, PASSWORD, Step},
            workshop::Workshop,
        },
    },
};

/// The lines about SKE, as `name ok: …` or `name failed: …`.
async fn lines_of(workshop: &Workshop, change: impl Fn(&str) -> String) -> Vec<String> {
    let backstage = Backstage::start().await;
    let config = backstage.gitops_config(&scm(&workshop.server, ""), workshop.data.path(), "{}");
    let checks = TestApp::check(&change(&config)).await;
    let ours = checks.into_iter().filter(|check| check.name.starts_with("SKE"));
    let lines: Vec<_> = ours
        .map(|check| match check.outcome {
            Ok(seen) => format!("{} ok: {seen}", check.name),
            Err(problem) => format!("{} failed: {problem}", check.name),
        })
        .collect();
    assert!(lines.iter().all(|line| !line.contains(PASSWORD)), "{lines:?}");
    assert!(
        lines.iter().all(|line| !line.contains("cluster")),
        "there is none: {lines:?}"
    );
    lines
}

async fn lines(workshop: &Workshop) -> Vec<String> {
    lines_of(workshop, str::to_owned).await
}

fn failed(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| line.contains(" failed: ")).collect()
}

#[tokio::test]
async fn all_well_tells_the_branch_that_pushing_is_open_and_how_many_documents_there_are() {
    let two = format!("{}---\n{}", document("a", "small"), document("b", "small"));
    let workshop = holding(&[
        ("requests/two.yaml", &two),
        ("requests/c.yaml", &document("c", "small")),
    ])
    .await;
    let lines = lines(&workshop).await;
    assert!(failed(&lines).is_empty(), "{lines:?}");
    let all = lines.join("\n");
    for part in ["state.git", "main", "push", "3"] {
        assert!(all.contains(part), "{part}: {lines:?}");
    }
    assert_eq!(workshop.server.count(Step::Push), 0);
    assert_eq!(workshop.remote.commits().len(), 2);
}

#[tokio::test]
async fn files_that_cannot_be_read_are_named_with_their_lines() {
    let workshop = holding(&[
        ("requests/a.yaml", &document("a", "small")),
        ("requests/broken.yaml", "a: 1\nb: [\n"),
        ("requests/deep/tabs.yml", "a:\n\tb: 1\n"),
    ])
    .await;
    let all = lines(&workshop).await.join("\n");
    for part in ["requests/broken.yaml", "requests/deep/tabs.yml", "line"] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[tokio::test]
async fn one_identity_in_several_files_is_told_with_the_files() {
    let workshop = holding(&[
        ("requests/a.yaml", &document("mine", "small")),
        ("requests/b.yaml", &document("mine", "large")),
    ])
    .await;
    let all = lines(&workshop).await.join("\n");
    for part in ["requests/a.yaml", "requests/b.yaml", "mine"] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[tokio::test]
async fn a_wrong_credential_a_missing_branch_and_a_server_that_is_down_fail_with_their_cures() {
    let workshop = holding(&[]).await;
    let wrong = lines_of(&workshop, |config| config.replace(PASSWORD, "not-it")).await;
    let branch = lines_of(&workshop, |config| {
        config.replace("path: requests", "path: requests, branch: trunk")
    })
    .await;
    let missing = lines_of(&workshop, |config| config.replace("/state.git", "/other.git")).await;
    for (lines, says) in [
        (wrong, "did not accept the credential"),
        (branch, "trunk does not exist"),
        (missing, "other.git does not exist"),
    ] {
        let failed = failed(&lines);
        assert!(failed.len() == 1 && failed[0].contains(says), "{says}: {lines:?}");
    }
    let down = Workshop::empty().await;
    let url = down.server.url("state.git");
    let down = lines_of(&workshop, |config| {
        let here = workshop.server.url("state.git");
        assert_ne!(here, url);
        config.replace(&here, "http://127.0.0.1:1/state.git")
    })
    .await;
    assert!(
        failed(&down).len() == 1 && failed(&down)[0].contains("cannot be reached"),
        "{down:?}"
    );
}

#[tokio::test]
async fn a_credential_that_may_read_and_not_push_is_found_out_without_pushing() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    for _ in 0..4 {
        workshop.server.fail_next(Step::PushLook, Fault::Status(403));
    }
    let lines = lines(&workshop).await;
    let failed = failed(&lines);
    assert!(
        failed.len() == 1 && failed[0].contains("right to read and write"),
        "{lines:?}"
    );
    assert_eq!(workshop.server.count(Step::Push), 0);
}

#[tokio::test]
async fn an_empty_repository_is_well_and_the_check_leaves_it_empty() {
    let workshop = Workshop::empty().await;
    let lines = lines(&workshop).await;
    assert!(failed(&lines).is_empty(), "{lines:?}");
    assert!(workshop.remote.commits().is_empty());
    assert_eq!(workshop.server.count(Step::Push), 0);
}
