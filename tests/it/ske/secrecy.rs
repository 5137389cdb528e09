//! No token in any log line and no answer, whatever happens: everything is written down at trace level and searched.

use serde_json::json;
use stagedoor::config::Environment;

use super::{
    clusters::{Readable, ambient},
    faults::{TOKEN, broken, configure, delete, foreign, portal, read, refusals},
    in_cluster::pod,
    place::Place,
    portal::{Backstage, Said, get, manifest, named, post, resource},
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    binary::Binary,
    kubernetes_fake::{FakeKubernetes, KINDS, OBJECT, PROMISES, Reply, status},
    log::Remembered,
};

/// The sign-in provider's token inside the portal's own.
const TOK: &str = "canary-of-the-sign-in-provider";

/// Every way a call can fail.
fn faults() -> Vec<Reply> {
    let quoting = format!("no user for Bearer {TOKEN} nor for {TOK}");
    let refusals = refusals().into_iter().chain(broken()).map(|(reply, ..)| reply);
    let quotes = [401, 403, 409, 422, 429, 500].map(|code| Reply::Json(code, status(code, "Boom", &quoting)));
    refusals.chain(foreign()).chain(quotes).collect()
}

#[track_caller]
fn has_none(text: &str, secrets: &[&str]) {
    for (place, secret) in secrets.iter().enumerate() {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "secret {place} in {line:?}");
    }
}

#[track_caller]
fn tells_none(said: &Said, secrets: &[&str]) {
    has_none(&said.body.to_string(), secrets);
}

#[tokio::test]
async fn our_own_token_is_in_no_line_and_no_answer() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let secrets = [TOKEN, STATIC_TOKEN];
    tells_none(&read(&app).await, &secrets);
    tells_none(&configure(&app).await, &secrets);
    for fault in faults() {
        for (method, path) in [
            ("GET", OBJECT),
            ("PUT", OBJECT),
            ("DELETE", OBJECT),
            ("GET", PROMISES),
        ] {
            fake.clear();
            fake.plant(method, path, &[fault.clone(), fault.clone()]);
            let said = match method {
                "PUT" => configure(&app).await,
                "DELETE" => delete(&app).await,
                _ => read(&app).await,
            };
            tells_none(&said, &secrets);
        }
    }
    app.stop().await.unwrap();
    let log = log.text();
    assert!(log.contains("Updated Database"), "writes are logged");
    assert!(
        log.contains("TRACE"),
        "the libraries are loud, or this test proves little"
    );
    has_none(&log, &secrets);
    assert!(
        fake.requests()
            .iter()
            .any(|request| request.header("authorization").is_some())
    );
}

/// A portal before a cluster that judges people by their own tokens.
async fn with_sign_in(backstage: &Backstage, fake: &FakeKubernetes) -> TestApp {
    let entry = "authProvider: oidc\n          oidcTokenProvider: keycloak";
    let config = backstage.app_config_at(&fake.url(), entry, "{ timeout: 1s }");
    let direct = "  actions: { writeCallers: [direct, scaffolder] }\n";
    TestApp::start(&format!("{config}{direct}")).await
}

#[tokio::test]
async fn a_persons_tokens_are_in_no_line_and_no_answer() {
    let (log, _listening) = Remembered::listen();
    let (backstage, fake) = (Backstage::start().await, FakeKubernetes::start().await);
    let app = with_sign_in(&backstage, &fake).await;
    let jane = backstage.user("jane", json!({ "tok": TOK }));
    let odd = backstage.user("jane", json!({ "tok": "canary-with-a-line-end\nin-it" }));
    let secrets = [TOK, jane.as_str(), odd.as_str(), "canary-with-a-line-end"];
    let kind = FakeKubernetes::kind();
    let path = resource(&kind, "default", "mine");
    for fault in faults() {
        // What is served is remembered after the first good answer.
        fake.plant("GET", KINDS, &[fault.clone(), fault]);
        tells_none(&get(&app, &jane, &path).await, &secrets);
        fake.clear();
    }
    // A missing group is believed for a second.
    while get(&app, &jane, &path).await.status != 200 {}
    tells_none(&get(&app, &odd, &path).await, &secrets);
    tells_none(&get(&app, &format!("{jane}x"), &path).await, &secrets);
    for fault in faults() {
        fake.clear();
        fake.plant("GET", OBJECT, &[fault.clone(), fault.clone()]);
        tells_none(&get(&app, &jane, &path).await, &secrets);
        fake.plant("PUT", OBJECT, std::slice::from_ref(&fault));
        let body = manifest(&kind, "default", "mine", json!({ "size": "large" }));
        tells_none(
            &post(&app, &jane, "/api/ske/configure-resource", &body).await,
            &secrets,
        );
        fake.plant("DELETE", OBJECT, &[fault]);
        let body = named(&kind, "default", "mine");
        tells_none(
            &post(&app, &jane, "/api/ske/delete-resource", &body).await,
            &secrets,
        );
    }
    app.stop().await.unwrap();
    let shown = |request: &crate::support::kubernetes_fake::Recorded| {
        request.header("authorization").map(str::to_owned)
    };
    assert!(
        fake.requests()
            .iter()
            .all(|request| shown(request) == Some(format!("Bearer {TOK}")))
    );
    has_none(&log.text(), &secrets);
}

#[tokio::test]
async fn a_pods_token_is_in_no_line_however_the_real_cluster_fails() {
    let readable = Readable::in_shared("pod-secrecy").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let token = mounted.read("token");
    let (log, _listening) = Remembered::listen();
    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &ambient()).await;
    readable.is_read_by(&app).await;
    let other = readable.path().replace(&readable.namespace, "kube-system");
    assert_eq!(get(&app, STATIC_TOKEN, &other).await.status, 403);
    let file = mounted
        .root()
        .join("var/run/secrets/kubernetes.io/serviceaccount/token");
    std::fs::remove_file(&file).unwrap();
    let broken = format!("{}x", token.trim());
    std::fs::write(&file, &broken).unwrap();
    assert_eq!(get(&app, STATIC_TOKEN, &readable.path()).await.status, 502);
    app.stop().await.unwrap();
    TestApp::check_within(pod(&readable.cluster, &mounted), &ambient()).await;
    has_none(&log.text(), &[token.trim(), STATIC_TOKEN]);
}

#[tokio::test]
async fn the_tokens_of_a_kubeconfig_are_in_no_line() {
    let readable = Readable::in_shared("kubeconfig-secrecy").await;
    let token = readable.token().await;
    let folder = tempfile::tempdir().unwrap();
    let (log, _listening) = Remembered::listen();
    super::kubeconfig::is_read_with_token_and_helper(&readable, folder.path(), &token).await;
    let file = folder.path().join("kubeconfig");
    let environment = || Environment::from_pairs([("KUBECONFIG", file.to_str().unwrap())]);
    TestApp::check_within(environment(), &ambient()).await;
    has_none(&log.text(), &[&token]);
}

#[tokio::test]
async fn what_the_api_server_quotes_of_a_manifest_is_for_the_caller_alone() {
    const VALUE: &str = "Hunter2-canary";
    let (log, _listening) = Remembered::listen();
    let place = Place::open().await;
    let spec = json!({ "size": "small", "databaseName": VALUE });
    let body = manifest(&place.kind, &place.namespace, "mine", spec);
    let action = "/api/ske/.backstage/actions/v1/actions/ske:configure-resource/invoke";
    for path in ["/api/ske/configure-resource", action] {
        let said = post(&place.app, STATIC_TOKEN, path, &body).await;
        assert_eq!(said.status, 422, "{}", said.body);
        assert!(
            said.body.to_string().contains(VALUE),
            "the caller is told: {}",
            said.body
        );
    }
    place.app.stop().await.unwrap();
    let log = log.text();
    has_none(&log, &[VALUE]);
    let naming = |what: &str| {
        let reason = "422 Invalid, because of spec.databaseName";
        let lines = log.lines().filter(|line| line.contains(what));
        lines.filter(|line| line.contains(reason)).count()
    };
    assert_eq!(naming("isAuditEvent"), 2, "{log}");
    assert_eq!(naming("incomingRequest"), 2, "{log}");
}

/// What operators and developers set when something is wrong.
const LOUD: [&[(&str, &str)]; 3] = [
    &[("LOG_LEVEL", "debug")],
    &[("LOG_LEVEL", "silly")],
    &[("LOG_LEVEL", "silly"), ("RUST_LOG", "trace")],
];

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_prints_no_token_at_any_level() {
    for loud in LOUD {
        let (backstage, fake) = (Backstage::start().await, FakeKubernetes::start().await);
        let entry = format!(
            "authProvider: oidc\n          oidcTokenProvider: keycloak\n          serviceAccountToken: {TOKEN}"
        );
        let config = backstage.app_config_at(&fake.url(), &entry, "{ timeout: 1s }");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app-config.yaml"), config).unwrap();
        let binary = Binary::start(folder.path(), &["serve", "--listen=127.0.0.1:0"], loud);
        let jane = backstage.user("jane", json!({ "tok": TOK }));
        let url = format!(
            "{}{}",
            binary.base(),
            resource(&FakeKubernetes::kind(), "default", "mine")
        );
        let client = crate::support::app::client();
        let mut told = String::new();
        for fault in [None, Some(Reply::Close), Some(refusals().remove(3).0)] {
            for path in [OBJECT, KINDS] {
                let planted: Vec<Reply> = fault.iter().chain(&fault).cloned().collect();
                fake.plant("GET", path, &planted);
            }
            let answer = client.get(&url).bearer_auth(&jane).send().await.unwrap();
            told.push_str(&answer.text().await.unwrap());
        }
        let (status, printed) = tokio::task::spawn_blocking(|| binary.terminated()).await.unwrap();
        assert!(
            status.success() && printed.contains("/resource"),
            "{status}: {printed}"
        );
        has_none(&format!("{printed}{told}"), &[TOK, TOKEN, &jane]);
    }
}
