//! Our account as the one that speaks for users: which it is, and what `check` says of its rights.

use serde_json::json;
use stagedoor::config::Environment;

use super::{IMPERSONATION, Scene, account_entry, direct, impersonated};
use crate::support::{
    app::TestApp,
    kubernetes::{Rule, Subject},
};

/// A pod's root folder and variables, with this token mounted.
fn pod(scene: &Scene, root: &std::path::Path) -> Environment {
    let folder = root.join("var/run/secrets/kubernetes.io/serviceaccount");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token"), format!("{}\n", scene.token)).unwrap();
    std::fs::write(folder.join("ca.crt"), scene.cluster.ca_pem()).unwrap();
    let url = scene.cluster.url();
    let (host, port) = url.trim_start_matches("https://").split_once(':').unwrap();
    let variables = [
        ("KUBERNETES_SERVICE_HOST", host),
        ("KUBERNETES_SERVICE_PORT", port),
    ];
    Environment::from_pairs(variables).rooted_at(root)
}

#[tokio::test]
async fn without_a_configured_token_the_pods_own_account_speaks_for_users() {
    let scene = Scene::with_impersonation("mounted").await;
    let jane = impersonated(&scene.namespace);
    scene.allow(&Subject::User(jane.clone()), &["get"]).await;
    let token = scene.backstage.user(&scene.namespace, json!({}));
    let root = tempfile::tempdir().unwrap();
    for entry in [
        "authProvider: serviceAccount",
        "authProvider: oidc\n          oidcTokenProvider: keycloak",
    ] {
        let config = scene.backstage.app_config(&scene.cluster, entry, IMPERSONATION);
        let app = TestApp::start_within(pod(&scene, root.path()), &config).await;
        scene.read(&app, &token).await.ok();
        assert_eq!(
            scene
                .read(&app, &scene.backstage.user("joe", json!({})))
                .await
                .status,
            403
        );
        app.stop().await.unwrap();
    }
    let requests = scene.requests().await;
    let judged: Vec<&str> = requests.iter().map(|request| request.judged_as()).collect();
    assert_eq!(
        judged,
        [&jane, "backstage:default/joe", &jane, "backstage:default/joe"]
    );
    assert!(
        requests
            .iter()
            .all(|request| request.user == scene.account.user())
    );
}

#[tokio::test]
async fn check_says_whether_the_account_may_speak_for_users_and_for_the_groups_they_own_through() {
    let scene = Scene::new("check").await;
    let by_ownership = "{ impersonation: { user: 'backstage:{namespace}/{name}', groupsFrom: ownership } }";
    let found = async |ours: &str| {
        let config = direct(
            &scene
                .backstage
                .app_config(&scene.cluster, &account_entry(&scene.token), ours),
        );
        let checks = TestApp::check(&config).await;
        let line = checks.into_iter().find(|check| check.name == "SKE impersonation");
        line.expect("impersonation is configured").outcome
    };
    let problem = found(IMPERSONATION).await.unwrap_err();
    assert!(
        problem.contains("grant it the verb impersonate on users"),
        "{problem}"
    );
    let account = scene.account.subject();
    scene
        .cluster
        .allow(&account, &Rule::on("", &["users"]).verbs(&["impersonate"]))
        .await;
    assert!(
        found(IMPERSONATION)
            .await
            .unwrap()
            .contains("'backstage:default/guest'")
    );
    let problem = found(by_ownership).await.unwrap_err();
    assert!(
        problem.contains("grant it the verb impersonate on groups"),
        "{problem}"
    );
    scene
        .cluster
        .allow(&account, &Rule::on("", &["groups"]).verbs(&["impersonate"]))
        .await;
    assert!(
        found(by_ownership)
            .await
            .unwrap()
            .contains("'group:default/guests'")
    );
}
