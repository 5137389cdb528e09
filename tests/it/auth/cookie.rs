//! The routes every plugin has: its public keys and the cookie.

use http::{Method, header};
use serde_json::{Value, json};

use super::sample;
use crate::support::{
    app::TestApp,
    backstage::{FakeBackstage, fixture},
};

const COOKIE: &str = "/api/sample/.backstage/auth/v1/cookie";

pub(super) fn token(name: &str) -> String {
    let list = fixture("tokens.json");
    let found = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == name);
    found.unwrap()["token"].as_str().unwrap().to_owned()
}

async fn cookie(
    app: &TestApp,
    method: Method,
    bearer: Option<&str>,
    cookie: Option<&str>,
) -> reqwest::Response {
    let mut request = app.client.request(method, app.url(COOKIE));
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    if let Some(token) = cookie {
        request = request.header(header::COOKIE, format!("backstage-auth={token}"));
    }
    request.send().await.unwrap()
}

async fn message(answer: reqwest::Response) -> String {
    let body: Value = answer.json().await.unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_gets_a_cookie_that_works_on_cookie_routes() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    let answer = cookie(&app, Method::GET, Some(&token("user-valid")), None).await;
    assert_eq!(answer.status(), 200);
    let set = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert_eq!(
        set,
        format!(
            "backstage-auth={}; Domain=localhost; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT; HttpOnly; Secure; \
             Priority=High; SameSite=None",
            token("limited-from-uip")
        )
    );
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({ "expiresAt": "2100-01-01T00:00:00.000Z" })
    );
    let pair = set.split(';').next().unwrap();
    let request = app
        .client
        .get(app.url("/api/sample/cookie/user"))
        .header(header::COOKIE, pair);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_cookie_that_is_good_for_a_while_is_kept_and_a_bad_one_replaced() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    let user = token("user-valid");
    for (sent, replaced) in [
        ("limited-valid", false),
        ("limited-expired", true),
        ("garbage-word", true),
    ] {
        let answer = cookie(&app, Method::GET, Some(&user), Some(&token(sent))).await;
        assert_eq!(answer.status(), 200, "{sent}");
        assert_eq!(
            answer.headers().contains_key(header::SET_COOKIE),
            replaced,
            "{sent}"
        );
    }
}

#[tokio::test]
async fn a_cookie_needs_a_full_user_token() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    for (bearer, sent, sentence) in [
        (None, None, "Missing credentials"),
        (None, Some("limited-valid"), "Missing credentials"),
        (Some("limited-valid"), None, "Illegal limited user token"),
        (
            Some("static-unrestricted"),
            None,
            "This endpoint does not allow 'service' credentials",
        ),
    ] {
        let (bearer, sent) = (bearer.map(token), sent.map(token));
        let answer = cookie(&app, Method::GET, bearer.as_deref(), sent.as_deref()).await;
        assert_eq!(message(answer).await, sentence);
    }
}

#[tokio::test]
async fn the_cookie_is_cleared_for_whoever_is_known() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    let anonymous = cookie(&app, Method::DELETE, None, None).await;
    assert_eq!(anonymous.status(), 401);
    let cleared = cookie(&app, Method::DELETE, Some(&token("user-valid")), None).await;
    assert_eq!(cleared.status(), 204);
    let set = cleared.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("backstage-auth=; Domain=localhost; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        "{set}"
    );
}

#[tokio::test]
async fn the_public_keys_are_open_to_everybody() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    let url = app.url("/api/sample/.backstage/auth/v1/jwks.json");
    let answer: Value = app.client.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, fixture("jwks/sample.json"));
}
