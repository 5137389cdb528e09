//! Verified tokens and key documents are kept, but never past what they rest on.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use stagedoor::backstage::{auth::LimitedAccess, discovery::Discovery};

use super::service::{Service, bearer, fixture_config, visit};
use crate::support::backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys, user_claims};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const REFUSED: &str = "Failed user token verification";

async fn start() -> (FakeBackstage, Service, Signer) {
    let fake = FakeBackstage::with_fixtures().await;
    let service = Service::start(&fake, &[]).await;
    (fake, service, Signer::fixture("user1"))
}

fn is(who: &str) -> Result<String, String> {
    Ok(who.to_owned())
}

fn refused(sentence: &str) -> Result<String, String> {
    Err(sentence.to_owned())
}

#[tokio::test]
async fn a_poll_costs_one_fetch_of_the_keys_in_eight_minutes() {
    let (fake, service, user1) = start().await;
    let token = user1.user("user:default/ann", FAR);
    for _ in 0..16 {
        assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
        service.authenticator.clock().advance(Duration::from_secs(29));
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 1);
}

#[tokio::test]
async fn a_hundred_first_requests_share_one_fetch() {
    let (fake, service, user1) = start().await;
    let tokens: Vec<String> = (0..100)
        .map(|n| user1.user(&format!("user:default/u{n}"), FAR))
        .collect();
    let asked = tokens.iter().map(|token| service.bearer("sample", token));
    assert!(
        futures_util::future::join_all(asked)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(fake.fetches(AUTH_KEYS), 1);
}

#[tokio::test]
async fn a_token_for_one_plugin_is_refused_by_another_after_a_hit() {
    let (_fake, service, _) = start().await;
    let token = Signer::fixture("catalog").plugin("catalog", "sample");
    for _ in 0..2 {
        assert_eq!(service.bearer("sample", &token).await, is("plugin:catalog"));
        assert_eq!(
            service.bearer("other", &token).await,
            refused("Failed plugin token verification")
        );
    }
}

#[tokio::test]
async fn a_restricted_static_token_is_refused_by_another_plugin_after_a_hit() {
    let (_fake, service, _) = start().await;
    assert_eq!(
        service.bearer("sample", "static-token-for-sample").await,
        is("sample-caller")
    );
    let restricted = refused("This token's access is restricted to plugin(s) 'sample'");
    assert_eq!(
        service.bearer("other", "static-token-for-sample").await,
        restricted
    );
}

#[tokio::test]
async fn a_limited_token_accepted_as_a_cookie_is_refused_as_a_full_one_after_a_hit() {
    let (_fake, service, user1) = start().await;
    let claims = json!({ "sub": "user:default/ann", "iat": 1, "exp": FAR });
    let token = user1.sign("vnd.backstage.limited-user", &claims);
    let cookie = HeaderValue::from_str(&format!("backstage-auth={token}")).unwrap();
    let cookie = HeaderMap::from_iter([(header::COOKIE, cookie)]);
    let accepted = service
        .authenticate("sample", &cookie, LimitedAccess::Allowed)
        .await;
    assert_eq!(accepted, is("user:default/ann"));
    assert_eq!(
        service.bearer("sample", &token).await,
        refused("Illegal limited user token")
    );
    let accepted = service
        .authenticate("sample", &bearer(&token), LimitedAccess::Allowed)
        .await;
    assert_eq!(accepted, is("user:default/ann"));
}

#[tokio::test]
async fn a_cached_token_is_refused_in_the_second_its_exp_names() {
    let (_fake, service, user1) = start().await;
    let now = jiff::Timestamp::now().as_second();
    let token = user1.user("user:default/ann", now + 60);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    service.authenticator.clock().advance(Duration::from_secs(60));
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
}

#[tokio::test]
async fn a_cached_call_on_behalf_ends_with_the_user_token_inside() {
    let (_fake, service, user1) = start().await;
    let now = jiff::Timestamp::now().as_second();
    let obo = user1.sign(
        "vnd.backstage.limited-user",
        &json!({ "sub": "user:default/ann", "iat": 1, "exp": now + 60 }),
    );
    let claims = json!({ "sub": "catalog", "aud": "sample", "iat": 1, "exp": FAR, "obo": obo });
    let token = Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    service.authenticator.clock().advance(Duration::from_secs(60));
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
}

#[tokio::test]
async fn credentials_of_a_call_on_behalf_end_with_the_earlier_of_both_tokens() {
    let (_fake, service, user1) = start().await;
    let now = jiff::Timestamp::now().as_second();
    for (outer, inner) in [(now + 60, now + 600), (now + 600, now + 60)] {
        let claims = json!({ "sub": "user:default/ann", "iat": 1, "exp": inner });
        let obo = user1.sign("vnd.backstage.limited-user", &claims);
        let claims = json!({ "sub": "catalog", "aud": "sample", "iat": 1, "exp": outer, "obo": obo });
        let token = Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims);
        let seen = service
            .authenticator
            .authenticate(&bearer(&token), visit("sample", LimitedAccess::Refused))
            .await;
        assert_eq!(seen.unwrap().expires_at(), Some(now + 60));
    }
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_within_ten_minutes() {
    let (fake, service, user1) = start().await;
    let token = user1.user("user:default/ann", FAR);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    fake.serve(AUTH_KEYS, keys(&[&Signer::fixture("user2")]));
    service.authenticator.clock().advance(TEN_MINUTES);
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_at_once_when_another_token_made_us_look() {
    let (fake, service, user1) = start().await;
    let user2 = Signer::fixture("user2");
    fake.serve(AUTH_KEYS, keys(&[&user1]));
    let token = user1.user("user:default/ann", FAR);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    fake.serve(AUTH_KEYS, keys(&[&user2]));
    assert_eq!(
        service
            .bearer("sample", &user2.user("user:default/bob", FAR))
            .await,
        is("user:default/bob")
    );
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
}

#[tokio::test]
async fn a_key_replaced_under_its_own_id_does_not_keep_old_tokens_alive() {
    let (fake, service, user1) = start().await;
    fake.serve(AUTH_KEYS, keys(&[&user1]));
    let token = user1.user("user:default/ann", FAR);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    let mut impostor = Signer::fixture("user2").published();
    impostor["kid"] = "user-key-1".into();
    fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [impostor] })));
    service.authenticator.clock().advance(TEN_MINUTES);
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
}

#[tokio::test]
async fn a_new_key_beside_the_old_one_leaves_cached_tokens_alone() {
    let (fake, service, user1) = start().await;
    let user2 = Signer::fixture("user2");
    fake.serve(AUTH_KEYS, keys(&[&user1]));
    let token = user1.user("user:default/ann", FAR);
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    fake.serve(AUTH_KEYS, keys(&[&user1, &user2]));
    assert_eq!(
        service
            .bearer("sample", &user2.user("user:default/bob", FAR))
            .await,
        is("user:default/bob")
    );
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
    assert_eq!(fake.fetches(AUTH_KEYS), 2);
}

#[tokio::test]
async fn a_refused_token_is_tried_again_each_time() {
    let (fake, service, user1) = start().await;
    fake.serve(AUTH_KEYS, keys(&[]));
    let token = user1.sign("vnd.backstage.user", &user_claims("user:default/ann", FAR));
    assert_eq!(service.bearer("sample", &token).await, refused(REFUSED));
    fake.serve(AUTH_KEYS, keys(&[&user1]));
    assert_eq!(service.bearer("sample", &token).await, is("user:default/ann"));
}

#[tokio::test]
async fn after_a_reload_keys_come_from_where_discovery_now_points() {
    let (old, service, _) = start().await;
    let token = Signer::fixture("catalog").plugin("catalog", "sample");
    assert_eq!(service.bearer("sample", &token).await, is("plugin:catalog"));
    let moved = FakeBackstage::with_fixtures().await;
    moved.serve(&plugin_keys("catalog"), keys(&[]));
    let reader = fixture_config(&moved, &[]);
    service
        .discovery
        .set(Discovery::from_config(&reader, &["sample", "other"]).unwrap());
    assert_eq!(
        service.bearer("sample", &token).await,
        refused("Failed plugin token verification")
    );
    moved.serve(&plugin_keys("catalog"), keys(&[&Signer::fixture("catalog")]));
    assert_eq!(service.bearer("sample", &token).await, is("plugin:catalog"));
    assert_eq!(old.fetches(&plugin_keys("catalog")), 1);
}

fn keys(signers: &[&Signer]) -> Answer {
    let keys: Vec<_> = signers.iter().map(|signer| signer.published()).collect();
    Answer::Document(json!({ "keys": keys }))
}
