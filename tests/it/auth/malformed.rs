//! Tokens nobody would issue: an answer in bounded time, no look-up, no panic.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use stagedoor::backstage::auth::LimitedAccess;

use super::service::Service;
use crate::support::backstage::{FAR, FakeBackstage, Signer};

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

async fn service() -> (FakeBackstage, Service) {
    let fake = FakeBackstage::with_fixtures().await;
    let service = Service::start(&fake, &[]).await;
    (fake, service)
}

#[tokio::test]
async fn what_is_no_token_at_all_is_an_illegal_token_and_costs_no_look_up() {
    let (fake, service) = service().await;
    let deep = "[".repeat(100_000);
    for token in [
        "x".to_owned(),
        ".".repeat(10_000),
        "A".repeat(1_000_000),
        format!("{}.{}.", part("{}"), part("{}")),
        format!("{}.{}.x", part(&deep), part(&deep)),
        format!("{}.{}.x", part("null"), part("null")),
        format!("{}.{}.x", part("{\"typ\":5,\"alg\":{}}"), part("{\"sub\":[]}")),
        format!(
            "{}.{}.x.y.z",
            part("{\"typ\":\"vnd.backstage.user\"}"),
            part("{}")
        ),
        format!("{}=.{}=.x", part("{\"typ\":\"vnd.backstage.user\"}"), part("{}")),
    ] {
        let shown = &token[..token.len().min(80)];
        assert_eq!(
            service.bearer("sample", &token).await,
            Err("Illegal token".to_owned()),
            "{shown}"
        );
    }
    assert_eq!(fake.all_fetches(), 0);
}

#[tokio::test]
async fn a_user_token_that_cannot_be_read_fails_as_a_user_token_without_a_look_up() {
    let (fake, service) = service().await;
    let head = part("{\"typ\":\"vnd.backstage.user\",\"alg\":\"ES256\",\"kid\":\"user-key-1\"}");
    for claims in [
        "",
        "!",
        &part("[]"),
        &part("{\"sub\":"),
        &part("{}"),
        &part("{\"sub\":1,\"iat\":1,\"exp\":1e999}"),
    ] {
        let seen = service.bearer("sample", &format!("{head}.{claims}.AAAA")).await;
        assert_eq!(seen, Err("Failed user token verification".to_owned()), "{claims}");
    }
    assert_eq!(fake.all_fetches(), 0);
}

#[tokio::test]
async fn a_signature_of_the_wrong_length_or_alphabet_is_refused() {
    let (_fake, service) = service().await;
    let good = Signer::fixture("user1").user("user:default/ann", FAR);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        "",
        "AA",
        "****",
        &signature[1..],
        &format!("{signature}AA"),
        &format!("{signature}="),
    ] {
        let seen = service.bearer("sample", &format!("{signed}.{bad}")).await;
        assert_eq!(seen, Err("Failed user token verification".to_owned()), "{bad}");
    }
    assert!(service.bearer("sample", &good).await.is_ok());
}

#[tokio::test]
async fn a_plugin_id_that_would_change_the_address_is_never_looked_up() {
    let (fake, service) = service().await;
    let long = "x".repeat(1000);
    for sub in [
        "..", "a/b", "a%2fb", "a b", "a\u{0}", "ä", "a.b", "a?b", "a#b", &long,
    ] {
        let seen = service
            .bearer("sample", &Signer::fixture("catalog").plugin(sub, "sample"))
            .await;
        assert_eq!(
            seen,
            Err("Invalid plugin token: forbidden subject format".to_owned()),
            "{sub}"
        );
    }
    assert_eq!(fake.all_fetches(), 0);
}

#[tokio::test]
async fn an_on_behalf_claim_of_another_type_is_refused() {
    let (_fake, service) = service().await;
    for obo in [json!(5), json!(true), json!({}), json!(["x"])] {
        let claims = json!({ "sub": "catalog", "aud": "sample", "iat": 1, "exp": FAR, "obo": obo });
        let token = Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims);
        let seen = service.bearer("sample", &token).await;
        assert_eq!(
            seen,
            Err("Invalid user token in plugin token obo claim".to_owned()),
            "{obo}"
        );
    }
}

/// The token of a plugin that calls for whoever the inner token names.
fn for_somebody(audience: &str, inner: &str) -> String {
    let claims = json!({ "sub": "catalog", "aud": audience, "iat": 1, "exp": FAR, "obo": inner });
    Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims)
}

#[tokio::test]
async fn an_on_behalf_of_token_inside_another_is_nobodys() {
    let (_fake, service) = service().await;
    let limited = Signer::fixture("user1").limited_user("user:default/jane", FAR);
    let once = for_somebody("sample", &limited);
    assert_eq!(
        service.bearer("sample", &once).await,
        Ok("user:default/jane".to_owned())
    );
    for inner in [
        once.clone(),
        for_somebody("sample", &once),
        // The audience that marks users' tokens of old makes none of it.
        for_somebody("backstage", &limited),
        Signer::fixture("catalog").plugin("catalog", "sample"),
    ] {
        let twice = for_somebody("sample", &inner);
        let seen = service.bearer("sample", &twice).await.unwrap_err();
        assert!(
            [
                "Invalid user token in plugin token obo claim",
                "Failed user token verification"
            ]
            .contains(&seen.as_str()),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_user_token_that_carries_another_one_is_its_owners_alone() {
    let (_fake, service) = service().await;
    let user = Signer::fixture("user1");
    let mut claims = crate::support::backstage::user_claims("user:default/jane", FAR);
    claims["obo"] = user.limited_user("user:default/root", FAR).into();
    let token = user.sign("vnd.backstage.user", &claims);
    assert_eq!(
        service.bearer("sample", &token).await,
        Ok("user:default/jane".to_owned())
    );
}

#[tokio::test]
async fn the_sentence_of_a_refusal_never_holds_any_part_of_the_token() {
    let (_fake, service) = service().await;
    let secret = "canary-in-the-token";
    for token in [
        secret.to_owned(),
        Signer::fixture("user1").sign_as(secret, "vnd.backstage.user", &json!({ "sub": secret })),
        Signer::fixture("catalog").sign_as(
            secret,
            "vnd.backstage.plugin",
            &json!({ "sub": "catalog", "aud": secret }),
        ),
    ] {
        let headers = super::service::bearer(&token);
        let visit = super::service::visit("sample", LimitedAccess::Refused);
        let error = service
            .authenticator
            .authenticate(&headers, visit)
            .await
            .unwrap_err();
        let all = format!("{error:?} {:?}", error.cause_chain());
        assert!(!all.contains(secret), "{all}");
    }
}
