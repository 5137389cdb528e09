//! What a stranger's token can make us do has a bound.

use std::time::Duration;

use serde_json::json;

use super::service::Service;
use crate::support::backstage::{
    AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, fixture, plugin_keys, user_claims,
};

const REFUSED: &str = "Failed user token verification";
const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn start(overlays: &[&str]) -> (FakeBackstage, Service) {
    let fake = FakeBackstage::with_fixtures().await;
    let service = Service::start(&fake, overlays).await;
    (fake, service)
}

pub(super) fn unknown_key(number: usize) -> String {
    let claims = user_claims("user:default/ann", FAR);
    Signer::fixture("user1").sign_as(&format!("made-up-{number}"), "vnd.backstage.user", &claims)
}

#[tokio::test]
async fn unknown_key_ids_cost_ten_fetches_a_minute_beyond_the_first() {
    let (fake, service) = start(&[]).await;
    for number in 0..50 {
        assert_eq!(
            service.bearer("sample", &unknown_key(number)).await,
            Err(REFUSED.to_owned())
        );
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 1 + 10);
}

#[tokio::test]
async fn the_budget_for_unknown_key_ids_comes_back() {
    let (fake, service) = start(&[]).await;
    for number in 0..20 {
        let _ = service.bearer("sample", &unknown_key(number)).await;
    }
    service.authenticator.clock().advance(MINUTE);
    for number in 20..50 {
        let _ = service.bearer("sample", &unknown_key(number)).await;
    }
    // One that the cooldown of 30 seconds allows anyway, and ten more.
    assert_eq!(fake.fetches(AUTH_KEYS), 11 + 11);
}

#[tokio::test]
async fn a_used_up_budget_does_not_harm_known_keys() {
    let (_fake, service) = start(&[]).await;
    for number in 0..20 {
        let _ = service.bearer("sample", &unknown_key(number)).await;
    }
    let token = Signer::fixture("user2").user("user:default/bob", FAR);
    assert_eq!(
        service.bearer("sample", &token).await,
        Ok("user:default/bob".to_owned())
    );
}

#[tokio::test]
async fn ten_plugin_ids_nobody_configured_are_looked_up_a_minute() {
    let (fake, service) = start(&[]).await;
    let made_up = |number: usize| Signer::fixture("catalog").plugin(&format!("made-up-{number}"), "sample");
    for number in 0..30 {
        assert!(service.bearer("sample", &made_up(number)).await.is_err());
    }
    assert_eq!(fake.all_fetches(), 10);
    service.authenticator.clock().advance(MINUTE);
    for number in 30..60 {
        assert!(service.bearer("sample", &made_up(number)).await.is_err());
    }
    assert_eq!(fake.all_fetches(), 20);
}

#[tokio::test]
async fn a_flood_of_made_up_plugin_ids_does_not_shut_out_configured_ones() {
    let (fake, service) = start(&["backend: { actions: { pluginSources: [search] } }"]).await;
    let catalog = Signer::fixture("catalog");
    fake.serve(
        &plugin_keys("search"),
        Answer::Document(fixture("jwks/catalog.json")),
    );
    for number in 0..30 {
        let _ = service
            .bearer("sample", &catalog.plugin(&format!("made-up-{number}"), "sample"))
            .await;
    }
    for id in ["catalog", "search"] {
        let seen = service.bearer("sample", &catalog.plugin(id, "sample")).await;
        assert_eq!(seen, Ok(format!("plugin:{id}")));
    }
}

#[tokio::test]
async fn a_flood_of_made_up_plugin_ids_does_not_shut_out_a_stock_portal_or_the_write_callers() {
    let (fake, service) = start(&["stagedoor: { actions: { writeCallers: [Robot] } }"]).await;
    let catalog = Signer::fixture("catalog");
    let document = || Answer::Document(fixture("jwks/catalog.json"));
    for number in 0..30 {
        let _ = service
            .bearer("sample", &catalog.plugin(&format!("made-up-{number}"), "sample"))
            .await;
    }
    for id in ["permission", "search", "notifications", "mcp-actions", "robot"] {
        fake.serve(&plugin_keys(id), document());
        let seen = service.bearer("sample", &catalog.plugin(id, "sample")).await;
        assert_eq!(seen, Ok(format!("plugin:{id}")));
    }
}

#[tokio::test]
async fn spellings_of_one_plugin_id_cost_one_fetch() {
    let (fake, service) = start(&[]).await;
    for id in ["made-up", "Made-up", "MADE-UP", "mAdE-uP"] {
        let token = Signer::fixture("catalog").plugin(id, "sample");
        assert!(service.bearer("sample", &token).await.is_err());
    }
    assert_eq!(
        (fake.fetches(&plugin_keys("made-up")), fake.all_fetches()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_plugin_token_that_is_over_or_meant_for_another_costs_no_look_up() {
    let (fake, service) = start(&[]).await;
    let catalog = Signer::fixture("catalog");
    let over = json!({ "sub": "made-up", "aud": "sample", "iat": 1, "exp": 2 });
    for token in [
        catalog.sign("vnd.backstage.plugin", &over),
        catalog.plugin("made-up", "another"),
    ] {
        let refused = Err("Failed plugin token verification".to_owned());
        assert_eq!(service.bearer("sample", &token).await, refused);
    }
    assert_eq!(fake.all_fetches(), 0);
}

#[tokio::test]
async fn a_plugin_that_really_calls_keeps_its_place_though_nobody_configured_it() {
    let (fake, service) = start(&[]).await;
    let catalog = Signer::fixture("catalog");
    fake.serve(
        &plugin_keys("ours"),
        Answer::Document(fixture("jwks/catalog.json")),
    );
    assert!(
        service
            .bearer("sample", &catalog.plugin("ours", "sample"))
            .await
            .is_ok()
    );
    for number in 0..70 {
        let _ = service
            .bearer("sample", &catalog.plugin(&format!("made-up-{number}"), "sample"))
            .await;
        service.authenticator.clock().advance(Duration::from_millis(6500));
    }
    assert!(
        service
            .bearer("sample", &catalog.plugin("ours", "sample"))
            .await
            .is_ok()
    );
    assert!(
        service
            .bearer("other", &catalog.plugin("ours", "other"))
            .await
            .is_ok()
    );
    assert_eq!(fake.fetches(&plugin_keys("ours")), 1);
    // More than are kept of those who never had keys.
    assert!(fake.all_fetches() > 64);
}

#[tokio::test]
async fn hundreds_of_made_up_plugin_ids_over_time_leave_the_users_keys_in_place() {
    let (fake, service) = start(&[]).await;
    let user = Signer::fixture("user1");
    assert!(
        service
            .bearer("sample", &user.user("user:default/ann", FAR))
            .await
            .is_ok()
    );
    for number in 0..70 {
        let token = Signer::fixture("catalog").plugin(&format!("made-up-{number}"), "sample");
        let _ = service.bearer("sample", &token).await;
        service.authenticator.clock().advance(Duration::from_millis(6500));
    }
    assert!(
        service
            .bearer("sample", &user.user("user:default/bob", FAR))
            .await
            .is_ok()
    );
    assert_eq!(fake.fetches(AUTH_KEYS), 1);
}

#[tokio::test]
async fn with_known_plugins_only_a_made_up_plugin_id_is_refused_without_a_look_up() {
    let (fake, service) = start(&["stagedoor: { auth: { knownPluginsOnly: true } }"]).await;
    let catalog = Signer::fixture("catalog");
    let seen = service
        .bearer("sample", &catalog.plugin("made-up", "sample"))
        .await;
    assert_eq!(seen, Err("Failed plugin token verification".to_owned()));
    assert_eq!(fake.all_fetches(), 0);
    assert!(
        service
            .bearer("sample", &catalog.plugin("catalog", "sample"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_failed_look_up_answers_for_two_seconds() {
    let (fake, service) = start(&[]).await;
    fake.serve(AUTH_KEYS, Answer::Status(503));
    let token = Signer::fixture("user1").user("user:default/ann", FAR);
    for _ in 0..5 {
        assert_eq!(service.bearer("sample", &token).await, Err(REFUSED.to_owned()));
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 1);
    fake.serve(AUTH_KEYS, Answer::Document(fixture("jwks/auth.json")));
    assert!(service.bearer("sample", &token).await.is_err());
    service.authenticator.clock().advance(Duration::from_secs(2));
    assert!(service.bearer("sample", &token).await.is_ok());
    assert_eq!(fake.fetches(AUTH_KEYS), 2);
}

#[tokio::test]
async fn a_failed_look_up_of_a_plugin_nobody_configured_answers_for_thirty_seconds() {
    let (fake, service) = start(&[]).await;
    let token = Signer::fixture("catalog").plugin("made-up", "sample");
    for seconds in [2, 27, 1] {
        assert!(service.bearer("sample", &token).await.is_err());
        assert_eq!(fake.all_fetches(), 1);
        service
            .authenticator
            .clock()
            .advance(Duration::from_secs(seconds));
    }
    assert!(service.bearer("sample", &token).await.is_err());
    assert_eq!(fake.all_fetches(), 2);
}

#[tokio::test]
async fn an_unreachable_key_document_refuses_users_and_plugins_with_their_own_sentences() {
    let fake = FakeBackstage::with_fixtures().await;
    let nowhere = "discovery: { endpoints: [{ target: 'http://127.0.0.1:1/api/{{pluginId}}', plugins: [auth, catalog] }] }";
    let service = Service::start(&fake, &[nowhere]).await;
    let token = Signer::fixture("user1").user("user:default/ann", FAR);
    assert_eq!(service.bearer("sample", &token).await, Err(REFUSED.to_owned()));
    let refused = service
        .bearer("sample", &Signer::fixture("catalog").plugin("catalog", "sample"))
        .await;
    assert!(
        refused
            .unwrap_err()
            .starts_with("Received a plugin token where the source 'catalog' plugin")
    );
}

#[tokio::test]
async fn a_key_document_that_is_huge_redirects_or_is_no_key_document_is_not_believed() {
    let good = fixture("jwks/auth.json");
    let elsewhere = FakeBackstage::with_fixtures().await;
    let mut huge = good.clone();
    huge["padding"] = "x".repeat(256 * 1024).into();
    for answer in [
        Answer::Document(huge),
        Answer::Redirect(format!("{}{AUTH_KEYS}", elsewhere.origin)),
        Answer::Text("<html>sign in</html>".to_owned()),
        Answer::Text(good.to_string()[..100].to_owned()),
        Answer::Document(json!({ "keys": "none" })),
        Answer::Document(json!([])),
    ] {
        let (fake, service) = start(&[]).await;
        fake.serve(AUTH_KEYS, answer);
        let token = Signer::fixture("user1").user("user:default/ann", FAR);
        assert_eq!(service.bearer("sample", &token).await, Err(REFUSED.to_owned()));
    }
    assert_eq!(elsewhere.all_fetches(), 0);
}

#[tokio::test]
async fn a_key_document_that_never_comes_is_given_up_after_five_seconds() {
    let (fake, service) = start(&[]).await;
    fake.serve(AUTH_KEYS, Answer::Hang);
    let token = Signer::fixture("user1").user("user:default/ann", FAR);
    let asked = tokio::time::timeout(Duration::from_secs(20), service.bearer("sample", &token));
    assert_eq!(
        asked.await.expect("it gives up by itself"),
        Err(REFUSED.to_owned())
    );
}

#[tokio::test]
async fn keys_of_kinds_we_lack_are_skipped_and_the_others_work() {
    let (fake, service) = start(&[]).await;
    let user1 = Signer::fixture("user1");
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [
            { "kty": "EC", "crv": "P-521", "kid": "es512", "alg": "ES512", "x": "AA", "y": "AA" },
            { "kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-44", "pub": "AA" },
            { "kty": "oct", "kid": "secret", "k": "AAAA" },
            { "kty": "EC", "crv": "P-256", "kid": "broken", "x": "***", "y": "AA" },
            "not a key",
            user1.published(),
        ] })),
    );
    let seen = service
        .bearer("sample", &user1.user("user:default/ann", FAR))
        .await;
    assert_eq!(seen, Ok("user:default/ann".to_owned()));
}

#[tokio::test]
async fn a_key_is_only_used_with_its_own_algorithm_and_purpose() {
    for (name, value) in [
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
    ] {
        let (fake, service) = start(&[]).await;
        let user1 = Signer::fixture("user1");
        let mut key = user1.published();
        key[name] = value;
        fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [key] })));
        let seen = service
            .bearer("sample", &user1.user("user:default/ann", FAR))
            .await;
        assert_eq!(seen, Err(REFUSED.to_owned()), "{name}");
    }
}
