//! What the log says about a refused token: the reason, and nothing of the token.

use std::time::Duration;

use serde_json::json;

use super::service::Service;
use crate::support::{
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, fixture, plugin_keys},
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
        service.authenticator.clock().advance(Duration::from_secs(600));
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 3);
    assert_eq!(log.text().matches("the-es512-key").count(), 1, "{}", log.text());
}

/// What an identity provider, or whatever stands before it, sends instead of keys.
fn troubles() -> Vec<(Answer, &'static str)> {
    vec![
        (Answer::Status(403), "403"),
        (Answer::Status(500), "500"),
        (Answer::Redirect("/sign-in".to_owned()), "302"),
        (Answer::Text("<html>sign in</html>".to_owned()), "not JSON"),
        (Answer::Text(String::new()), "not JSON"),
        (Answer::Document(json!({ "keys": "none" })), "no list of keys"),
        (Answer::Document(json!([])), "no list of keys"),
        (Answer::Document(json!({ "keys": [] })), "no key that can be used"),
        (
            Answer::Document(json!({ "keys": [{ "kty": "oct", "kid": "x", "k": "AAAA" }] })),
            "no key that can be used",
        ),
    ]
}

/// One outage of the document at the path, and its end, with a token that wants it.
async fn outage(path: &str, good: Answer, token: &str, key: &str) {
    for (answer, reason) in troubles() {
        let (log, _listening) = Remembered::listen();
        let fake = FakeBackstage::with_fixtures().await;
        let service = Service::start(&fake, &[]).await;
        let mut told = Vec::new();
        for (answer, accepted) in [(answer.clone(), false), (good.clone(), true), (answer, false)] {
            fake.serve(path, answer);
            for _ in 0..3 {
                service.authenticator.clock().advance(Duration::from_secs(601));
                assert_eq!(
                    service.bearer("sample", token).await.is_ok(),
                    accepted,
                    "{path} {reason}"
                );
            }
            let text = log.text();
            let of = |words: &[&str]| {
                let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
                text.lines()
                    .filter(|line| line.contains(key))
                    .filter(has_all)
                    .count()
            };
            // The address in both lines may hold the digits of a status.
            told.push((of(&["cannot be used: ", reason]), of(&["can be used again"])));
        }
        assert_eq!(told, [(1, 0), (1, 1), (2, 1)], "{path} {reason}: {}", log.text());
    }
}

#[tokio::test]
async fn an_outage_of_an_identity_provider_is_told_once_and_its_end() {
    let robot = Signer::fixture("user1");
    let token = robot.sign("JWT", &json!({ "sub": "robot", "iat": 1, "exp": FAR }));
    let good = Answer::Document(json!({ "keys": [robot.published()] }));
    let key = "backend.auth.externalAccess[6].options.url";
    outage("/idp-open/jwks.json", good, &token, key).await;
}

#[tokio::test]
async fn an_outage_of_the_portals_own_keys_is_told_once_and_its_end() {
    let token = Signer::fixture("user1").user("user:default/ann", FAR);
    let good = Answer::Document(fixture("jwks/auth.json"));
    outage(AUTH_KEYS, good, &token, "discovery.endpoints for 'auth'").await;
}

#[tokio::test]
async fn an_outage_of_a_known_plugin_is_told_once_and_its_end() {
    let token = Signer::fixture("catalog").plugin("catalog", "sample");
    let good = Answer::Document(fixture("jwks/catalog.json"));
    outage(
        &plugin_keys("catalog"),
        good,
        &token,
        "discovery.endpoints for 'catalog'",
    )
    .await;
}
