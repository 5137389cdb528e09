//! Every verdict of the reference backend, over real HTTP.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::{sample, service::bearer};
use crate::support::{
    app::TestApp,
    backstage::{FakeBackstage, fixture},
};

/// The one deliberate difference: the reference answers 500 to a well-signed legacy token outside its time.
const LEGACY_OUTSIDE_ITS_TIME: &[&str] = &[
    "legacy-expired",
    "legacy-not-yet-valid",
    "legacy-expired-old-config",
];

#[tokio::test]
async fn every_recorded_verdict_holds_under_the_default_policy() {
    let fake = FakeBackstage::with_fixtures().await;
    every_verdict_holds("defaultPolicy", &sample::start(&fake).await).await;
}

#[tokio::test]
async fn every_recorded_verdict_holds_with_the_default_policy_disabled() {
    let fake = FakeBackstage::with_fixtures().await;
    every_verdict_holds(
        "defaultPolicyDisabled",
        &sample::start_without_policy(&fake).await,
    )
    .await;
}

async fn every_verdict_holds(set: &str, app: &TestApp) {
    let expected = &fixture("expected.json")[set];
    let tokens = tokens();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (what, headers, verdicts) in cases(expected, &tokens) {
        for (route, verdict) in verdicts {
            let wanted = ours(&what, verdict);
            let seen = verdict_of(app, route, headers.clone()).await;
            checked += 1;
            if seen != wanted {
                wrong.push(format!("{what} {route}: wanted {wanted}, got {seen}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {checked} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(checked > 600, "only {checked} verdicts were looked at");
}

type Case<'a> = (String, HeaderMap, &'a Map<String, Value>);

/// Anonymous, every token every way it is sent, and the odd header forms.
fn cases<'a>(expected: &'a Value, tokens: &Map<String, Value>) -> Vec<Case<'a>> {
    let mut cases = vec![(
        "anonymous".to_owned(),
        HeaderMap::new(),
        expected["anonymous"].as_object().unwrap(),
    )];
    for (name, ways) in expected["tokens"].as_object().unwrap() {
        let token = tokens[name].as_str().unwrap();
        for (way, verdicts) in ways.as_object().unwrap() {
            let headers = match way.as_str() {
                "bearer" => bearer(token),
                "cookie" => headers(&json!({ "cookie": format!("other=1; backstage-auth={token}") })),
                other => panic!("unknown way {other}"),
            };
            cases.push((name.clone(), headers, verdicts.as_object().unwrap()));
        }
    }
    for odd in expected["authorizationHeaders"].as_array().unwrap() {
        let mut text = odd["headers"].to_string();
        for name in ["limited-valid", "user-valid"] {
            text = text.replace(&format!("<{name}>"), tokens[name].as_str().unwrap());
        }
        let headers = headers(&serde_json::from_str(&text).unwrap());
        cases.push((
            odd["about"].to_string(),
            headers,
            odd["verdicts"].as_object().unwrap(),
        ));
    }
    cases
}

fn ours(what: &str, verdict: &Value) -> Value {
    if LEGACY_OUTSIDE_ITS_TIME.contains(&what) && verdict["status"] == 500 {
        return json!({ "status": 401, "error": "AuthenticationError", "message": "Illegal token" });
    }
    verdict.clone()
}

async fn get(app: &TestApp, route: &str, headers: HeaderMap) -> reqwest::Response {
    let url = app.url(&format!("/api/sample{route}"));
    app.client.get(url).headers(headers).send().await.unwrap()
}

async fn verdict_of(app: &TestApp, route: &str, headers: HeaderMap) -> Value {
    let answer = get(app, route, headers).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let mut verdict = match body.get("error") {
        Some(error) => json!({ "error": error["name"], "message": error["message"] }),
        None => body,
    };
    verdict["status"] = status.into();
    verdict
}

fn tokens() -> Map<String, Value> {
    let list = fixture("tokens.json");
    let named = |token: &Value| (token["name"].as_str().unwrap().to_owned(), token["token"].clone());
    list["tokens"].as_array().unwrap().iter().map(named).collect()
}

fn headers(json: &Value) -> HeaderMap {
    let pair = |(name, value): (&String, &Value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
    };
    json.as_object().unwrap().iter().map(pair).collect()
}

#[tokio::test]
async fn a_good_token_on_an_open_route_is_only_looked_at_when_the_handler_asks() {
    let fake = FakeBackstage::with_fixtures().await;
    let app = sample::start(&fake).await;
    let user = tokens()["user-valid"].as_str().unwrap().to_owned();
    get(&app, "/open/blind", bearer(&user)).await;
    assert_eq!(fake.all_fetches(), 0);
    get(&app, "/open/optional", bearer(&user)).await;
    assert_eq!(fake.all_fetches(), 1);
}
