//! `stagedoor check`: one line for each step, and the cure where one fails.

use stagedoor::config::Environment;

use super::clusters::{OPEN, with_cluster};
use crate::support::{
    app::TestApp,
    binary::Binary,
    kubernetes::{Cluster, Rule, access::ServiceAccount},
    kubernetes_fake::{FakeKubernetes, PROMISE_KINDS, Reply},
};

/// The lines about SKE, as `name: ok` or `name: what failed`.
async fn lines(config: &str) -> Vec<String> {
    let checks = TestApp::check_within(Environment::from_pairs([("HOME", "/nowhere")]), config).await;
    let ours = checks.into_iter().filter(|check| check.name.starts_with("SKE"));
    ours.map(|check| match check.outcome {
        Ok(seen) => format!("{} ok: {seen}", check.name),
        Err(problem) => format!("{} failed: {problem}", check.name),
    })
    .collect()
}

/// The entry of a cluster of which we have this token.
fn entry(cluster: &Cluster, token: &str) -> String {
    let authority = cluster.ca_data();
    format!("authProvider: serviceAccount, serviceAccountToken: {token}, caData: {authority}")
}

async fn account(cluster: &Cluster, name: &str) -> ServiceAccount {
    let namespace = cluster.namespace(name).await;
    cluster.service_account(&namespace, "portal").await
}

/// What may be touched is what Promises offer.
async fn with_account(cluster: &Cluster, account: &ServiceAccount) -> String {
    let config = with_cluster(&cluster.url(), &entry(cluster, &cluster.token(account).await));
    config.replace(OPEN, "timeout: 10s")
}

fn sees_promises() -> Rule {
    Rule::on("platform.kratix.io", &["promises"]).verbs(&["list"])
}

/// The config with impersonation in the section `stagedoor.ske`.
fn speaking(config: &str) -> String {
    let rules = "impersonation: { user: 'portal:{namespace}/{name}', groups: ['portal:users'] }";
    config.replace("ske: { timeout", &format!("ske: {{ {rules}, timeout"))
}

#[tokio::test]
async fn all_well_tells_the_version_who_we_are_and_what_may_be_read() {
    let cluster = Cluster::shared().await;
    let account = account(&cluster, "check").await;
    cluster.promise("Database").await;
    cluster.allow(&account.subject(), &sees_promises()).await;
    let lines = lines(&with_account(&cluster, &account).await).await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("SKE cluster ok: 'platform' answers, version v1."),
        "{lines:?}"
    );
    assert_eq!(
        lines[1],
        format!("SKE account ok: signed in as {}", account.user())
    );
    let seen = lines[2].strip_prefix("SKE Promises ok: ").unwrap_or_default();
    let numbers: Vec<u32> = seen.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(
        numbers.len() == 2 && numbers.iter().all(|number| *number > 0),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_wrong_token_fails_at_the_cluster_and_names_its_key() {
    let cluster = Cluster::shared().await;
    let lines = lines(&with_cluster(&cluster.url(), &entry(&cluster, "not-a-token"))).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("SKE cluster failed") && lines[0].contains("serviceAccountToken"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_cluster_that_is_down_or_not_trusted_fails_at_once_and_nothing_more_is_tried() {
    let cluster = Cluster::shared().await;
    let down = with_cluster("https://127.0.0.1:9", &entry(&cluster, "some-token"));
    let untrusted = with_cluster(
        &cluster.url(),
        "authProvider: serviceAccount, serviceAccountToken: some-token",
    );
    for (config, says) in [(down, "cannot be reached"), (untrusted, "caData or caFile")] {
        let lines = lines(&config).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("SKE cluster failed") && lines[0].contains(says),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn an_account_that_may_not_list_promises_is_told_which_right_is_missing() {
    let cluster = Cluster::shared().await;
    cluster.install_promises().await;
    let account = account(&cluster, "no-rights").await;
    let lines = lines(&with_account(&cluster, &account).await).await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("SKE account ok"), "{lines:?}");
    for part in [
        "SKE Promises failed",
        "cannot list",
        "promises",
        "platform.kratix.io",
        "docs/KUBERNETES.md",
    ] {
        assert!(lines[2].contains(part), "{part}: {lines:?}");
    }
}

#[tokio::test]
async fn a_cluster_without_kratix_is_told_to_install_it() {
    let fake = FakeKubernetes::start().await;
    let missing = Reply::Raw(
        404,
        "content-type: text/plain\r\n".into(),
        "404 page not found".into(),
    );
    fake.plant("GET", PROMISE_KINDS, &[missing]);
    let lines = lines(&fake.app_config("some-token", "{}")).await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(
        lines[0],
        "SKE cluster ok: 'platform' answers, version v1.0.0-fake"
    );
    assert_eq!(lines[1], "SKE account ok: signed in as portal");
    assert!(
        lines[2].contains("failed") && lines[2].contains("install Kratix"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn without_an_account_all_but_the_connection_is_skipped_since_it_needs_a_user() {
    let cluster = Cluster::shared().await;
    let oidc = "authProvider: oidc, oidcTokenProvider: keycloak";
    let trusted = format!("{oidc}, caData: {}", cluster.ca_data());
    let well = lines(&with_cluster(&cluster.url(), &trusted)).await;
    assert_eq!(well.len(), 1, "{well:?}");
    assert!(
        well[0].starts_with("SKE cluster ok") && well[0].contains("skipped: needs a user"),
        "{well:?}"
    );
    let untrusted = lines(&with_cluster(&cluster.url(), oidc)).await;
    assert!(untrusted[0].starts_with("SKE cluster failed"), "{untrusted:?}");
}

#[tokio::test]
async fn the_right_to_speak_for_users_is_tried_and_a_missing_one_named() {
    let cluster = Cluster::shared().await;
    cluster.install_promises().await;
    let account = account(&cluster, "speaks").await;
    cluster.allow(&account.subject(), &sees_promises()).await;
    let config = speaking(&with_account(&cluster, &account).await);
    let grant = |what: &str, names: &[&str]| Rule::on("", &[what]).verbs(&["impersonate"]).named(names);

    let refused = lines(&config).await;
    for part in [
        "SKE impersonation failed",
        "'portal:default/guest'",
        "impersonate",
        "users",
    ] {
        assert!(refused[3].contains(part), "{part}: {refused:?}");
    }
    cluster
        .allow(&account.subject(), &grant("users", &["portal:default/guest"]))
        .await;
    let half = lines(&config).await;
    for part in ["SKE impersonation failed", "'portal:users'", "groups"] {
        assert!(half[3].contains(part), "{part}: {half:?}");
    }
    cluster
        .allow(&account.subject(), &grant("groups", &["portal:users"]))
        .await;
    let allowed = lines(&config).await;
    let expected = "SKE impersonation ok: the account may speak for 'portal:default/guest', 'portal:users'";
    assert_eq!(allowed[3], expected);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_configured_is_a_line_that_fails() {
    let lines = lines(&with_cluster(
        "https://platform.example.com",
        "authProvider: serviceAccount",
    ))
    .await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("failed") && lines[0].contains("serviceAccountToken is missing"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn the_command_fails_when_the_cluster_does() {
    let cluster = Cluster::shared().await;
    let folder = tempfile::tempdir().unwrap();
    let config = with_cluster(&cluster.url(), &entry(&cluster, "canary-token"));
    std::fs::write(folder.path().join("app-config.yaml"), config).unwrap();
    let binary = Binary::start(folder.path(), &["check"], &[]);
    let (status, printed) = tokio::task::spawn_blocking(|| binary.ended()).await.unwrap();
    assert_eq!(status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("SKE cluster") && printed.contains("serviceAccountToken"),
        "{printed}"
    );
    assert!(!printed.contains("canary"), "{printed}");
}

#[tokio::test]
async fn an_account_that_need_not_list_promises_is_not_blamed_for_it() {
    let cluster = Cluster::shared().await;
    cluster.install_promises().await;
    let account = account(&cluster, "need-not").await;
    let lines = lines(&speaking(&with_account(&cluster, &account).await)).await;
    assert_eq!(
        lines[2],
        "SKE Promises ok: served; our account may not list them, and need not"
    );
    let oidc = with_account(&cluster, &account).await;
    let oidc = oidc.replace(
        "authProvider: serviceAccount",
        "authProvider: oidc, oidcTokenProvider: keycloak",
    );
    let lines = self::lines(&oidc).await;
    assert_eq!(
        lines[2],
        "SKE Promises ok: served; our account may not list them, and need not"
    );
}
