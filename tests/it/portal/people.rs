//! People who sign in to a real backend, and the tokens it gives out.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::app::client;

/// Who the guest is.
pub(super) const GUEST: &str = "user:development/guest";

/// Signs the guest in, as the sign-in page does; `base` is where the portal answers.
pub(super) async fn guest(base: &str) -> String {
    session(client().get(format!("{base}/api/auth/guest/refresh"))).await
}

/// Signs in somebody with a name: `user:default/<name>`.
pub(super) async fn named(base: &str, name: &str) -> String {
    let request = client().get(format!("{base}/api/auth/oauth2Proxy/refresh"));
    session(request.header("x-forwarded-user", name)).await
}

async fn session(request: RequestBuilder) -> String {
    let session = json(request.header("x-requested-with", "XMLHttpRequest")).await;
    let token = session["backstageIdentity"]["token"].as_str();
    token
        .unwrap_or_else(|| panic!("nobody signed in: {session}"))
        .to_owned()
}

/// The token of the backend's plugin `probe` for another: its own, or on behalf of whoever holds the user token.
pub(super) async fn plugin_token(base: &str, user: &str, audience: &str, own: bool) -> String {
    let request = client().post(format!("{base}/api/probe/token")).bearer_auth(user);
    let issued = json(request.json(&json!({ "for": audience, "own": own }))).await;
    issued["token"].as_str().unwrap().to_owned()
}

/// The limited token of a user as the plugin's cookie carries it; `base` is the backend that sets it.
pub(super) async fn cookie(base: &str, plugin: &str, user: &str) -> String {
    let request = client().get(format!("{base}/api/{plugin}/.backstage/auth/v1/cookie"));
    let answer = request.bearer_auth(user).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    let value = set.strip_prefix("backstage-auth=").unwrap();
    value.split(';').next().unwrap().to_owned()
}

/// The JSON of a success.
pub(super) async fn json(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} is no JSON: {text}"))
}
