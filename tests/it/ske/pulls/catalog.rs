//! Catalog files are committed to the branch that is named, with the document as an input.

use serde_json::json;

use super::portal::{BOTH, Portal, publication, publication_with};
use crate::support::{app::STATIC_TOKEN, code_host::Kind};

/// A portal whose repository has a branch `catalog`.
async fn portal(kind: Kind) -> Portal {
    let portal = Portal::start(kind).await;
    portal.world(|world| {
        let main = world.branches["main"].clone();
        world.branches.insert("catalog".to_owned(), main);
    });
    portal
}

fn file(portal: &Portal, branch: &str) -> Option<String> {
    portal.world(|world| world.file(branch, "components/catalog-info.yaml"))
}

#[tokio::test]
async fn a_document_is_committed_to_the_branch_and_the_commit_returned() {
    for kind in BOTH {
        let portal = portal(kind).await;
        let told = portal.publish(&publication()).await.ok();
        let commit = portal.world(|world| world.branches["catalog"].clone());
        assert_eq!(
            told,
            json!({ "commitSha": commit, "targetPath": "components/catalog-info.yaml" })
        );
        assert!(file(&portal, "catalog").unwrap().contains("name: shop"));
        assert_eq!(file(&portal, "main"), None);
        let message = portal.tip("catalog").message;
        assert_eq!(
            message,
            "chore: publish catalog entity at components/catalog-info.yaml\n\nRequested-by: tests\n"
        );
    }
}

#[tokio::test]
async fn the_same_again_commits_nothing_and_another_document_replaces_it() {
    for kind in BOTH {
        let portal = portal(kind).await;
        let first = portal.publish(&publication()).await.ok();
        assert_eq!(portal.publish(&publication()).await.ok(), first);
        assert_eq!(portal.host.count("POST /api/v4") + portal.host.count("PATCH"), 1);
        let content = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: shop}\n";
        let second = portal
            .publish(&publication_with("content", json!(content)))
            .await
            .ok();
        assert_ne!(first["commitSha"], second["commitSha"]);
        assert!(file(&portal, "catalog").unwrap().contains("kind: System"));
    }
}

#[tokio::test]
async fn message_and_author_are_the_callers_when_given() {
    for kind in BOTH {
        let portal = portal(kind).await;
        let mut wanted = publication_with("commitMessage", json!("feat: the shop"));
        wanted["defaultAuthor"] = json!({ "name": "Ann", "email": "ann@example.com" });
        portal.publish(&wanted).await.ok();
        let tip = portal.tip("catalog");
        assert_eq!(tip.message, "feat: the shop\n\nRequested-by: tests\n");
        assert_eq!(
            tip.author,
            Some(("\"Ann\"".to_owned(), "\"ann@example.com\"".to_owned()))
        );
        for (field, bad) in [
            (
                "defaultAuthor",
                json!({ "name": "Ann <root>", "email": "ann@example.com" }),
            ),
            ("defaultAuthor", json!({ "name": "Ann" })),
            ("commitMessage", json!("x\nRequested-by: user:default/root")),
        ] {
            assert_eq!(
                portal.publish(&publication_with(field, bad)).await.refused().0,
                400
            );
        }
    }
}

#[tokio::test]
async fn a_file_of_the_workspace_alone_is_a_400_that_explains() {
    let portal = portal(Kind::GitHub).await;
    let mut wanted = publication_with("filePath", json!("catalog-info.yaml"));
    wanted.as_object_mut().unwrap().shift_remove("content");
    let (status, message) = portal.publish(&wanted).await.refused();
    assert!(
        status == 400 && message.contains("workspace") && message.contains("content"),
        "{message}"
    );
    let (status, _, message) = portal
        .run(STATIC_TOKEN, "publish-catalog", &wanted)
        .await
        .refused();
    assert!(status == 400 && message.contains("workspace"), "{message}");
    wanted["content"] = publication()["content"].clone();
    portal.publish(&wanted).await.ok();
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_an_error_and_none_is_made() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let (status, message) = portal.publish(&publication()).await.refused();
        assert!(
            status == 409 && message.contains("'catalog' does not exist"),
            "{status} {message}"
        );
        assert_eq!(portal.writes(), 0);
    }
}

#[tokio::test]
async fn the_default_branch_takes_catalog_files_only_when_its_entry_names_it() {
    for kind in BOTH {
        let closed = Portal::start(kind).await;
        let (status, message) = closed
            .publish(&publication_with("branchName", json!("main")))
            .await
            .refused();
        assert!(
            status == 403 && message.contains("default branch"),
            "{status} {message}"
        );
        let open = Portal::with(kind, ", branch: main", "").await;
        open.publish(&publication_with("branchName", json!("main")))
            .await
            .ok();
        assert!(file(&open, "main").is_some());
        let (status, message) = open.publish(&publication()).await.refused();
        assert!(status == 403 && message.contains("'main' only"), "{message}");
    }
}

#[tokio::test]
async fn somebody_who_commits_at_the_same_time_is_met_and_not_overwritten() {
    for (kind, update) in [
        (Kind::GitHub, "PATCH /repos/acme/requests/git/refs"),
        (
            Kind::GitLab,
            "POST /api/v4/projects/acme%2Frequests/repository/commits",
        ),
    ] {
        let portal = portal(kind).await;
        portal.host.before(update, |world| {
            world.push("catalog", "components/catalog-info.yaml", Some("theirs\n"));
        });
        portal.publish(&publication()).await.ok();
        let before = portal.world(|world| {
            let tip = world.tip("catalog").clone();
            world.commits[&tip.parents[0]].files["components/catalog-info.yaml"]
                .1
                .clone()
        });
        assert_eq!(before, "theirs\n", "{kind:?}: it is in the history");
        assert!(file(&portal, "catalog").unwrap().contains("name: shop"));
    }
}

#[tokio::test]
async fn several_documents_are_one_file_that_both_dialects_read_alike() {
    let portal = portal(Kind::GitHub).await;
    let content = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: one}\nspec: {on: no}\n---\n# said\n\
                   apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: two}\n";
    portal
        .publish(&publication_with("content", json!(content)))
        .await
        .ok();
    let written = file(&portal, "catalog").unwrap();
    assert_eq!(written.matches("---\n").count(), 1, "{written}");
    assert!(
        written.contains("\"no\"") || written.contains("'no'"),
        "{written}"
    );
}

#[tokio::test]
async fn a_callers_token_is_taken_without_the_line_end_of_its_file_and_one_that_is_none_is_a_400() {
    for kind in BOTH {
        let portal = portal(kind).await;
        portal.host.take("canary-callers-own-token");
        let with = |token: &str| publication_with("token", json!(token));
        for bad in ["canary two", "canary\ntwo", "canary\u{7f}", "kanárek", " \n"] {
            let (status, message) = portal.publish(&with(bad)).await.refused();
            assert!(
                status == 400 && message.starts_with("token must be") && !message.contains("canary"),
                "{bad:?}: {status} {message}"
            );
            let (status, _, message) = portal
                .run(STATIC_TOKEN, "publish-catalog", &with(bad))
                .await
                .refused();
            assert!(status == 400 && message.starts_with("token must be"), "{message}");
        }
        assert!(portal.host.calls().is_empty());
        portal.publish(&with("canary-callers-own-token\n")).await.ok();
        let spaced = with(" canary-callers-own-token\r\n");
        portal
            .run(STATIC_TOKEN, "publish-catalog", &spaced)
            .await
            .output();
    }
}

#[tokio::test]
async fn an_action_publishes_too() {
    for kind in BOTH {
        let portal = portal(kind).await;
        let template = portal.backstage.on_behalf_of("jane", "scaffolder");
        let output = portal
            .run(&template, "publish-catalog", &publication())
            .await
            .output();
        assert_eq!(output["targetPath"], "components/catalog-info.yaml");
        assert!(
            portal
                .tip("catalog")
                .message
                .contains("Requested-by: user:default/jane")
        );
    }
}
