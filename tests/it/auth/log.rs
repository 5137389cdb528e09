//! What the log says about a refused token: the reason, and nothing of the token.

use serde_json::json;

use super::service::Service;
use crate::support::{
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer},
    log::Remembered,
};

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason_and_without_the_token() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeBackstage::with_fixtures().await;
    let service = Service::start(&fake, &[]).await;
    let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("catalog"));
    let tokens = [
        user.user("user:default/canary", 1),
        plugin.plugin("catalog", "canary"),
        user.user("user:default/canary", FAR),
        "static-token-unrestricted".to_owned(),
        "canary-token".to_owned(),
    ];
    for token in &tokens {
        let _ = service.bearer("sample", token).await;
    }
    let text = log.text();
    assert!(
        text.contains("WARN") && text.contains("Failed to verify incoming user token"),
        "{text}"
    );
    assert!(text.contains("Failed to verify incoming plugin token"), "{text}");
    assert!(
        text.contains("the token has expired") && text.contains("meant for someone else"),
        "{text}"
    );
    let parts = tokens
        .iter()
        .flat_map(|token| token.split('.'))
        .filter(|part| part.len() > 20);
    for part in parts.chain(["canary"]) {
        // Header parts are the same in every token and say nothing.
        assert!(!text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn skipped_keys_are_named_once() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeBackstage::empty().await;
    let es512 =
        json!({ "kty": "EC", "crv": "P-521", "kid": "the-es512-key", "alg": "ES512", "x": "AA", "y": "AA" });
    let user = Signer::fixture("user1");
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [es512, user.published()] })),
    );
    let service = Service::start(&fake, &[]).await;
    for round in 0..3 {
        assert!(
            service
                .bearer("sample", &user.user(&format!("user:default/u{round}"), FAR))
                .await
                .is_ok()
        );
        service
            .authenticator
            .clock()
            .advance(std::time::Duration::from_secs(600));
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 3);
    assert_eq!(log.text().matches("the-es512-key").count(), 1, "{}", log.text());
}
