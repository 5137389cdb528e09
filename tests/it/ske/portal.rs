//! A portal with users, in front of a platform cluster.

use serde_json::{Value, json};

use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys, user_claims},
    kubernetes::{Cluster, RequestKind},
};

/// Backstage's other backends, whose tokens Stagedoor accepts.
pub(super) struct Backstage {
    pub(super) fake: FakeBackstage,
    user: Signer,
    plugin: Signer,
}

/// What a request was answered with.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Backstage {
    /// Serves the keys of `auth`, `scaffolder` and `catalog`.
    pub(super) async fn start() -> Self {
        let fake = FakeBackstage::empty().await;
        let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("catalog"));
        fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [user.published()] })));
        for id in ["scaffolder", "catalog", "mcp-actions"] {
            let keys = json!({ "keys": [plugin.published()] });
            fake.serve(&plugin_keys(id), Answer::Document(keys));
        }
        Self { fake, user, plugin }
    }

    /// A signed-in user's token, with more claims such as `tok`.
    pub(super) fn user(&self, name: &str, more: Value) -> String {
        let mut claims = user_claims(&format!("user:default/{name}"), FAR);
        for (claim, value) in more.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        self.user.sign("vnd.backstage.user", &claims)
    }

    /// The token of a plugin that calls for a user: the user's own claims but the standard ones are left out, as
    /// Backstage does.
    pub(super) fn on_behalf_of(&self, name: &str, plugin: &str) -> String {
        let claims = json!({ "sub": format!("user:default/{name}"), "iat": 1, "exp": FAR });
        let limited = self.user.sign("vnd.backstage.limited-user", &claims);
        let claims = json!({ "sub": plugin, "aud": "ske", "iat": 1, "exp": FAR, "obo": limited });
        self.plugin.sign("vnd.backstage.plugin", &claims)
    }

    /// The token of a plugin that calls for itself.
    pub(super) fn plugin(&self, plugin: &str) -> String {
        self.plugin.plugin(plugin, "ske")
    }

    /// `backend` and the section that names the cluster, with `cluster` as further fields of its entry and `ours` as
    /// the section `stagedoor.ske`, both in flow style.
    pub(super) fn app_config(&self, cluster: &Cluster, entry: &str, ours: &str) -> String {
        let (url, ca) = (cluster.url(), cluster.ca_data());
        self.app_config_at(&url, &format!("caData: {ca}\n          {entry}"), ours)
    }

    /// The same with the API server at any address.
    pub(super) fn app_config_at(&self, url: &str, entry: &str, ours: &str) -> String {
        let origin = &self.fake.origin;
        format!(
            "backend:\n  baseUrl: {origin}\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
             options: {{ token: {STATIC_TOKEN}, subject: tests }}\n\
             ske:\n  kubernetes: {{ platformName: platform }}\n\
             kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - name: platform\n          \
             url: {url}\n          {entry}\n\
             stagedoor:\n  ske: {ours}\n"
        )
    }
}

/// Asks as whoever the token belongs to.
pub(super) async fn get(app: &TestApp, token: &str, path: &str) -> Said {
    said(app.client.get(app.url(path)).bearer_auth(token)).await
}

/// Sends a JSON body as whoever the token belongs to.
pub(super) async fn post(app: &TestApp, token: &str, path: &str, body: &Value) -> Said {
    said(app.client.post(app.url(path)).bearer_auth(token).json(body)).await
}

/// Sends the request and reads the answer, which is JSON whatever it says.
pub(super) async fn said(request: reqwest::RequestBuilder) -> Said {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} is no JSON: {text}"));
    Said { status, body }
}

impl Said {
    /// The body of a success.
    #[track_caller]
    pub(super) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Status and the message the frontend shows, which stands at the top and in the envelope.
    #[track_caller]
    pub(super) fn refused(self) -> (u16, String) {
        assert!(self.status >= 400, "{} {}", self.status, self.body);
        let message = self.body["message"].as_str().expect("a message at the top");
        assert_eq!(self.body["error"]["message"], message);
        (self.status, message.to_owned())
    }
}

/// The path that reads an object.
pub(super) fn resource(kind: &RequestKind, namespace: &str, name: &str) -> String {
    format!("/api/ske/resource?{}", query(kind, namespace, name))
}

/// The path that tells an object's state.
pub(super) fn state(kind: &RequestKind, namespace: &str, name: &str) -> String {
    format!("/api/ske/resource/state?{}", query(kind, namespace, name))
}

fn query(kind: &RequestKind, namespace: &str, name: &str) -> String {
    let (api_version, kind) = (kind.api_version(), &kind.kind);
    format!("name={name}&kind={kind}&apiVersion={api_version}&namespace={namespace}")
}

/// The body that names an object.
pub(super) fn named(kind: &RequestKind, namespace: &str, name: &str) -> Value {
    json!({ "name": name, "kind": kind.kind, "apiVersion": kind.api_version(), "namespace": namespace })
}

/// The body that configures an object.
pub(super) fn manifest(kind: &RequestKind, namespace: &str, name: &str, spec: Value) -> Value {
    let mut object = kind.request(name, spec);
    object["metadata"]["namespace"] = namespace.into();
    json!({ "manifest": object })
}
