//! What reaches a cluster, to the letter: an API server that writes down everything it is sent.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Request, State},
};
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{config_map, config_map_path, direct};
use crate::{
    ske::portal::{Backstage, get, post},
    support::{
        app::{STATIC_TOKEN, TestApp},
        backstage::{Answer, spawn},
    },
};

const ACCOUNT: &str = "token-of-the-account";
const PROVIDER: &str = "token-of-the-provider";
const ALLOWED: &str = "{ allow: [{ group: '', kinds: [ConfigMap], access: write }] }";
const IMPERSONATED: &str =
    "{ impersonation: { user: 'b:{namespace}/{name}', groups: [portal, 'ns:{namespace}'] } }";

/// One request as it came.
struct Sent {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Sent {
    fn header(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// Whether the text occurs anywhere in it.
    fn holds(&self, text: &str) -> bool {
        let mut values = self.headers.values();
        let in_headers = values.any(|value| String::from_utf8_lossy(value.as_bytes()).contains(text));
        in_headers || self.path.contains(text) || self.body.contains(text)
    }
}

/// Has every ConfigMap, and trusts everybody.
struct Recorder {
    url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    async fn start() -> Self {
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let url = spawn(Router::new().fallback(answer).with_state(Arc::clone(&sent))).await;
        Self { url, sent }
    }

    fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock())
    }

    fn app_config(&self, backstage: &Backstage, entry: &str, ours: &str) -> String {
        direct(&backstage.app_config_at(&self.url, entry, ours))
    }
}

async fn answer(State(sent): State<Arc<Mutex<Vec<Sent>>>>, request: Request) -> Json<Value> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.to_string();
    let answer = if path == "/api/v1" {
        let maps = json!({ "name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap", "verbs": ["get"] });
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": [maps] })
    } else {
        let metadata = json!({ "name": "mine", "namespace": "team", "uid": "1", "resourceVersion": "1" });
        json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {} })
    };
    sent.lock().push(Sent {
        path,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    Json(answer)
}

/// Reads, follows, configures and deletes with the token.
async fn everything(app: &TestApp, token: &str) {
    let read = config_map_path("team", "mine");
    get(app, token, &read).await.ok();
    get(app, token, &read.replace("/resource?", "/resource/state?"))
        .await
        .ok();
    post(
        app,
        token,
        "/api/ske/configure-resource",
        &config_map("team", "mine", "x"),
    )
    .await
    .ok();
    let named = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "namespace": "team" });
    post(app, token, "/api/ske/delete-resource", &named).await.ok();
}

fn oidc(account: Option<&str>) -> String {
    let account = account.map(|token| format!("\n          serviceAccountToken: {token}"));
    format!(
        "authProvider: oidc\n          oidcTokenProvider: keycloak{}",
        account.unwrap_or_default()
    )
}

#[tokio::test]
async fn the_token_of_the_portal_never_reaches_a_cluster() {
    let recorder = Recorder::start().await;
    let backstage = Backstage::start().await;
    let user = backstage.user("jane", json!({ "tok": PROVIDER }));
    let through = backstage.on_behalf_of("jane", "scaffolder");
    let account = super::account_entry(ACCOUNT);
    let (by_account, by_provider) = (Some(ACCOUNT), Some(PROVIDER));
    for (entry, ours, token, sent_as) in [
        (account.as_str(), ALLOWED, &user, by_account),
        (&account, ALLOWED, &through, by_account),
        (&account, IMPERSONATED, &user, by_account),
        (&account, IMPERSONATED, &through, by_account),
        (&oidc(None), "{}", &user, by_provider),
        (&oidc(Some(ACCOUNT)), IMPERSONATED, &through, by_account),
        // Backstage's own proxy lets the portal's token through here.
        ("authProvider: localKubectlProxy", ALLOWED, &user, None),
        ("authProvider: localKubectlProxy", ALLOWED, &through, None),
    ] {
        let app = TestApp::start(&recorder.app_config(&backstage, entry, ours)).await;
        everything(&app, token).await;
        let sent = recorder.take();
        // Looking up the kind once, one read each, then a read before each of two writes.
        assert_eq!(sent.len(), 7, "{entry} {ours}");
        let signature = token.rsplit('.').next().unwrap();
        for sent in sent {
            let bearer: Vec<String> = sent_as.iter().map(|token| format!("Bearer {token}")).collect();
            assert_eq!(
                sent.header("authorization"),
                bearer,
                "{} {entry} {ours}",
                sent.path
            );
            assert!(
                !sent.holds(token) && !sent.holds(signature),
                "{} {entry} {ours}",
                sent.path
            );
            assert!(sent.header("cookie").is_empty());
        }
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn where_a_person_is_judged_each_request_about_an_object_names_that_person_and_no_other() {
    let recorder = Recorder::start().await;
    let backstage = Backstage::start().await;
    let entry = super::account_entry(ACCOUNT);
    let app = TestApp::start(&recorder.app_config(&backstage, &entry, IMPERSONATED)).await;
    everything(&app, &backstage.user("jane", json!({}))).await;
    everything(&app, &backstage.on_behalf_of("jane", "scaffolder")).await;
    let sent = recorder.take();
    let about_objects: Vec<&Sent> = sent.iter().filter(|sent| sent.path != "/api/v1").collect();
    assert_eq!(about_objects.len(), 12);
    for sent in about_objects {
        assert_eq!(
            sent.header("impersonate-user"),
            ["b:default/jane"],
            "{}",
            sent.path
        );
        assert_eq!(
            sent.header("impersonate-group"),
            ["portal", "ns:default"],
            "{}",
            sent.path
        );
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn headers_by_which_a_caller_names_somebody_else_go_nowhere() {
    let recorder = Recorder::start().await;
    let backstage = Backstage::start().await;
    let token = backstage.user("jane", json!({ "tok": PROVIDER }));
    let account = super::account_entry(ACCOUNT);
    for (entry, ours, users) in [
        (&oidc(None), "{}", Vec::new()),
        (&account, ALLOWED, Vec::new()),
        (&account, IMPERSONATED, vec!["b:default/jane"]),
    ] {
        let app = TestApp::start(&recorder.app_config(&backstage, entry, ours)).await;
        let mut request = app
            .client
            .get(app.url(&config_map_path("team", "mine")))
            .bearer_auth(&token);
        for name in [
            "impersonate-user",
            "impersonate-group",
            "impersonate-uid",
            "impersonate-extra-scopes",
            "x-remote-user",
        ] {
            request = request.header(name, "system:masters");
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
        let sent = recorder.take();
        let read = sent.last().unwrap();
        assert_eq!(read.header("impersonate-user"), users, "{entry} {ours}");
        assert!(
            sent.iter().all(|sent| !sent.holds("system:masters")),
            "{entry} {ours}"
        );
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn for_somebody_who_cannot_be_judged_nothing_at_all_is_asked() {
    let recorder = Recorder::start().await;
    let backstage = Backstage::start().await;
    backstage.fake.serve("/api/auth/v1/userinfo", Answer::Status(503));
    let by_ownership = "{ impersonation: { user: 'b:{namespace}/{name}', groupsFrom: ownership } }";
    let account = super::account_entry(ACCOUNT);
    let [user, ended] =
        [json!({}), json!({ "tok": "e30.eyJleHAiOjF9.x" })].map(|claims| backstage.user("jane", claims));
    let (scaffolder, mcp) = (
        backstage.on_behalf_of("jane", "scaffolder"),
        backstage.on_behalf_of("jane", "mcp-actions"),
    );
    let nobody = backstage.user("x", json!({ "sub": "jane" }));
    for (entry, ours, token, status) in [
        (&account, by_ownership, &user, 502),
        (&account, by_ownership, &scaffolder, 502),
        (&account, IMPERSONATED, &mcp, 403),
        (&account, IMPERSONATED, &nobody, 403),
        (&account, IMPERSONATED, &STATIC_TOKEN.to_owned(), 403),
        (&oidc(None), "{}", &user, 401),
        (&oidc(None), "{}", &scaffolder, 401),
        (&oidc(None), "{}", &ended, 401),
        (&oidc(None), "{}", &STATIC_TOKEN.to_owned(), 403),
        (&oidc(Some(ACCOUNT)), IMPERSONATED, &ended, 401),
    ] {
        let app = TestApp::start(&recorder.app_config(&backstage, entry, ours)).await;
        let said = get(&app, token, &config_map_path("team", "mine")).await;
        assert_eq!(said.status, status, "{entry} {ours}: {}", said.body);
        assert!(recorder.take().is_empty(), "{entry} {ours}");
        app.stop().await.unwrap();
    }
}
