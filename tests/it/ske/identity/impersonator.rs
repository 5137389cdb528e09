//! Our account as the one that speaks for users: which it is, what `check` says of its rights, and that no edit of the
//! configuration lets users act as it.

use std::time::Duration;

use serde_json::json;
use stagedoor::config::Environment;
use tokio::time::{Instant, sleep};

use super::{IMPERSONATION, Scene, account_entry, direct, impersonated};
use crate::support::{
    app::{LIMIT, TestApp},
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

/// Longer than two looks at the configuration's files are apart.
const SEEN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_edit_changes_who_users_become_and_a_broken_or_missing_section_never_makes_them_the_account() {
    let scene = Scene::with_impersonation("edits").await;
    let named = |prefix: &str| format!("{{ impersonation: {{ user: '{prefix}:{{namespace}}/{{name}}' }} }}");
    let config = |ours: &str| {
        let entry = account_entry(&scene.token);
        direct(&scene.backstage.app_config(&scene.cluster, &entry, ours))
    };
    let second = format!("second-{}:default/jane", scene.namespace);
    scene.allow(&Subject::User(second.clone()), &["get"]).await;
    let app = TestApp::start(&config(&named("first"))).await;
    let write = |ours: &str| std::fs::write(app.folder.path().join("app-config.yaml"), config(ours)).unwrap();
    let token = scene.backstage.user("jane", json!({}));
    let reads = async |until: Instant| loop {
        let said = scene.read(&app, &token).await;
        if said.status == 200 || Instant::now() > until {
            return said;
        }
        sleep(Duration::from_millis(100)).await;
    };
    write(&named("system"));
    let (_, message) = reads(Instant::now() + SEEN).await.refused();
    assert!(message.contains("User \"first:default/jane\""), "{message}");
    write(&named(&format!("second-{}", scene.namespace)));
    reads(Instant::now() + LIMIT).await.ok();
    // Without the section our account acts, and what it may touch for others is closed.
    let before = scene.requests().await;
    write("{}");
    let until = Instant::now() + LIMIT;
    while scene.read(&app, &token).await.status == 200 {
        assert!(Instant::now() < until, "the section is still there");
        sleep(Duration::from_millis(100)).await;
    }
    let (status, message) = scene.read(&app, &token).await.refused();
    assert_eq!(status, 403);
    assert!(message.contains("stagedoor.ske.allow"), "{message}");
    let all = scene.requests().await;
    assert!(
        all[before.len()..]
            .iter()
            .all(|request| request.judged_as() == second)
    );
    for request in all {
        assert_ne!(request.judged_as(), scene.account.user(), "{request:?}");
    }
    app.stop().await.unwrap();
}
