//! Tokens that a real backend signs, at our door.

use http::header;
use serde_json::{Value, json};

use super::{
    document::Shape,
    home::Home,
    people::{self, GUEST, cookie, plugin_token},
};
use crate::{
    auth::sample,
    support::app::{TestApp, client},
};

/// A Stagedoor with a plugin `sample` that says who calls, beside the backend whose address this is.
async fn door(base: &str) -> TestApp {
    sample::start_as(&format!("backend:\n  baseUrl: {base}\n  listen: ':17007'\n")).await
}

/// Who the door takes the bearer for, or its refusal.
async fn seen(app: &TestApp, path: &str, token: &str) -> Result<Value, (u16, String)> {
    said(app.client.get(app.url(path)).bearer_auth(token)).await
}

async fn said(request: reqwest::RequestBuilder) -> Result<Value, (u16, String)> {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    match status {
        200 => Ok(body["principal"].clone()),
        _ => Err((status, body["error"]["message"].as_str().unwrap().to_owned())),
    }
}

const ANYBODY: &str = "/api/sample/default";
const COOKIE: &str = "/api/sample/cookie/user";

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_token_a_real_backend_signs_is_let_in_as_whom_it_names() {
    let base = &Home::of(Shape::Alongside).await.backend.base;
    let app = door(base).await;
    let guest = people::guest(base).await;
    let jane = people::named(base, "jane").await;
    let user = |name: &str| json!({ "type": "user", "userEntityRef": name });
    assert_eq!(seen(&app, ANYBODY, &guest).await, Ok(user(GUEST)));
    assert_eq!(seen(&app, ANYBODY, &jane).await, Ok(user("user:default/jane")));

    let service = json!({ "type": "service", "subject": "plugin:probe" });
    let own = plugin_token(base, &guest, "sample", true).await;
    assert_eq!(seen(&app, ANYBODY, &own).await, Ok(service.clone()));
    let for_jane = plugin_token(base, &jane, "sample", false).await;
    let mut expected = user("user:default/jane");
    expected["actor"] = service;
    assert_eq!(seen(&app, ANYBODY, &for_jane).await, Ok(expected));

    let limited = cookie(base, "probe", &guest).await;
    assert_eq!(seen(&app, COOKIE, &limited).await, Ok(user(GUEST)));
    let by_cookie = app.client.get(app.url(COOKIE));
    let by_cookie = by_cookie.header(header::COOKIE, format!("backstage-auth={limited}"));
    assert_eq!(said(by_cookie).await, Ok(user(GUEST)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_backend_signed_for_others_or_somebody_changed_is_refused() {
    let base = &Home::of(Shape::Alongside).await.backend.base;
    let app = door(base).await;
    let guest = people::guest(base).await;
    for own in [true, false] {
        let elsewhere = plugin_token(base, &guest, "ske", own).await;
        let refused = seen(&app, ANYBODY, &elsewhere).await;
        assert_eq!(refused, Err((401, "Failed plugin token verification".to_owned())));
    }
    let limited = cookie(base, "probe", &guest).await;
    let refused = seen(&app, ANYBODY, &limited).await;
    assert_eq!(refused, Err((401, "Illegal limited user token".to_owned())));
    let other = people::named(base, "jane").await;
    let (head, claims, signature) = (part(&guest, 0), part(&other, 1), part(&guest, 2));
    let refused = seen(&app, ANYBODY, &format!("{head}.{claims}.{signature}")).await;
    assert_eq!(refused, Err((401, "Failed user token verification".to_owned())));
}

fn part(token: &str, index: usize) -> &str {
    token.split('.').nth(index).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_we_set_is_the_one_a_real_backend_sets_and_takes() {
    let base = &Home::of(Shape::Alongside).await.backend.base;
    let app = door(base).await;
    let guest = people::guest(base).await;
    let ours = cookie(&app.base, "sample", &guest).await;
    assert_eq!(ours, cookie(base, "probe", &guest).await);
    let request = client().get(format!("{base}/api/probe/cookie/caller"));
    let request = request.header(header::COOKIE, format!("backstage-auth={ours}"));
    assert_eq!(people::json(request).await["userEntityRef"], GUEST);
}
