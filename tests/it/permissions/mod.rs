//! Permissions: who may do what is asked of the portal's permission backend, in the user's name.

mod declared;
mod faults;
mod platform;
mod remembered;
mod spacelift;
mod storage;

use serde_json::json;

use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys},
    policy::{FakePolicy, Question},
};

/// Who is asked about.
const JANE: &str = "user:default/jane";

/// Stagedoor with permissions switched on, and the backend that decides.
struct Portal {
    app: TestApp,
    policy: FakePolicy,
    backstage: FakeBackstage,
}

impl Portal {
    /// Starts with these sections beside `backend`, `permission` and `discovery`.
    async fn start(sections: &str) -> Self {
        Self::with(FakePolicy::start().await, "", sections).await
    }

    /// The same with this backend, and more keys in `backend.auth`.
    async fn with(policy: FakePolicy, auth: &str, sections: &str) -> Self {
        let fake = FakeBackstage::empty().await;
        let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("catalog"));
        fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [user.published()] })));
        let keys = json!({ "keys": [plugin.published()] });
        fake.serve(&plugin_keys("scaffolder"), Answer::Document(keys));
        let config = format!(
            "backend:\n  baseUrl: {}\n  listen: ':17007'\n  auth:\n    {auth}externalAccess:\n      - {{ type: static, \
             options: {{ token: {STATIC_TOKEN}, subject: tests }} }}\n{}{sections}",
            fake.origin,
            policy.section()
        );
        let app = TestApp::start(&config).await;
        policy.believe(&app.base);
        Self {
            app,
            policy,
            backstage: fake,
        }
    }

    /// The status and text of a GET with the token.
    async fn get(&self, token: &str, path: &str) -> (u16, String) {
        let asked = self.app.client.get(self.app.url(path)).bearer_auth(token);
        read(asked.send().await.unwrap()).await
    }

    /// The same of a POST.
    async fn post(&self, token: &str, path: &str, body: &serde_json::Value) -> (u16, String) {
        let asked = self.app.client.post(self.app.url(path)).bearer_auth(token);
        read(asked.json(body).send().await.unwrap()).await
    }
}

/// The token of a signed-in user.
fn token_of(user: &str) -> String {
    Signer::fixture("user1").user(user, FAR)
}

/// The token with which the scaffolder calls a plugin in a user's name.
fn through_scaffolder(user: &str, plugin: &str) -> String {
    let limited = Signer::fixture("user1").limited_user(user, FAR);
    let claims = json!({ "sub": "scaffolder", "aud": plugin, "iat": 1, "exp": FAR, "obo": limited });
    Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims)
}

fn question(plugin: &str, user: &str, permissions: &[(&str, &str)]) -> Question {
    let owned = |(name, action): &(&str, &str)| ((*name).to_owned(), (*action).to_owned());
    Question {
        plugin: plugin.to_owned(),
        user: user.to_owned(),
        permissions: permissions.iter().map(owned).collect(),
    }
}

async fn read(response: reqwest::Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}
