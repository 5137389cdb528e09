//! Look-ups that strangers' tokens cause are charged to their address, and keep no other caller's key out.

use std::time::Duration;

use serde_json::json;

use super::limits::{start, unknown_key};
use crate::support::backstage::{AUTH_KEYS, Answer, FAR, Signer, fixture, plugin_keys};

#[tokio::test]
async fn made_up_key_ids_delay_a_rotated_key_by_two_seconds() {
    let (fake, service) = start(&[]).await;
    let user2 = Signer::fixture("user2");
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [Signer::fixture("user1").published()] })),
    );
    for number in 0..20 {
        let _ = service.bearer("sample", &unknown_key(number)).await;
    }
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [user2.published()] })),
    );
    service.authenticator.clock().advance(Duration::from_secs(2));
    let token = user2.user("user:default/bob", FAR);
    assert_eq!(
        service.bearer("sample", &token).await,
        Ok("user:default/bob".to_owned())
    );
}

#[tokio::test]
async fn what_one_address_spends_is_not_missing_to_another() {
    let (fake, service) = start(&[]).await;
    let user2 = Signer::fixture("user2");
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [Signer::fixture("user1").published()] })),
    );
    for number in 0..20 {
        let _ = service.bearer_from("2001:db8::1", &unknown_key(number)).await;
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 1 + 10);
    fake.serve(
        AUTH_KEYS,
        Answer::Document(json!({ "keys": [user2.published()] })),
    );
    let token = user2.user("user:default/bob", FAR);
    assert_eq!(
        service.bearer_from("10.0.0.1", &token).await,
        Ok("user:default/bob".to_owned())
    );
}

#[tokio::test]
async fn unknown_key_ids_of_many_addresses_have_a_bound_too() {
    let (fake, service) = start(&[]).await;
    for number in 0..80 {
        let _ = service
            .bearer_from(&format!("10.0.0.{number}"), &unknown_key(number))
            .await;
    }
    assert_eq!(fake.fetches(AUTH_KEYS), 1 + 50);
}

#[tokio::test]
async fn plugin_ids_made_up_at_one_address_leave_the_others_theirs() {
    let (fake, service) = start(&[]).await;
    let catalog = Signer::fixture("catalog");
    fake.serve(
        &plugin_keys("ours"),
        Answer::Document(fixture("jwks/catalog.json")),
    );
    for number in 0..100 {
        let made_up = catalog.plugin(&format!("made-up-{number}"), "sample");
        assert!(service.bearer_from("10.0.0.9", &made_up).await.is_err());
    }
    assert_eq!(fake.all_fetches(), 10);
    let ours = catalog.plugin("ours", "sample");
    assert_eq!(
        service.bearer_from("10.0.0.1", &ours).await,
        Ok("plugin:ours".to_owned())
    );
}

#[tokio::test]
async fn a_failure_that_another_address_caused_answers_for_two_seconds() {
    let (fake, service) = start(&[]).await;
    let ours = Signer::fixture("catalog").plugin("ours", "sample");
    assert!(service.bearer_from("10.0.0.9", &ours).await.is_err());
    fake.serve(
        &plugin_keys("ours"),
        Answer::Document(fixture("jwks/catalog.json")),
    );
    service.authenticator.clock().advance(Duration::from_secs(2));
    assert!(
        service.bearer_from("10.0.0.9", &ours).await.is_err(),
        "its own answers longer"
    );
    assert_eq!(
        service.bearer_from("10.0.0.1", &ours).await,
        Ok("plugin:ours".to_owned())
    );
}

#[tokio::test]
async fn a_rotated_key_of_an_unlisted_plugin_is_not_kept_out_either() {
    let (fake, service) = start(&[]).await;
    let (catalog, user1) = (Signer::fixture("catalog"), Signer::fixture("user1"));
    let published = |signer: &Signer| Answer::Document(json!({ "keys": [signer.published()] }));
    fake.serve(&plugin_keys("ours"), published(&catalog));
    assert!(
        service
            .bearer("sample", &catalog.plugin("ours", "sample"))
            .await
            .is_ok()
    );
    let claims = json!({ "sub": "ours", "aud": "sample", "iat": 1, "exp": FAR });
    for number in 0..20 {
        let made_up = catalog.sign_as(&format!("made-up-{number}"), "vnd.backstage.plugin", &claims);
        assert!(service.bearer("sample", &made_up).await.is_err());
    }
    fake.serve(&plugin_keys("ours"), published(&user1));
    service.authenticator.clock().advance(Duration::from_secs(2));
    let rotated = user1.sign("vnd.backstage.plugin", &claims);
    assert_eq!(
        service.bearer("sample", &rotated).await,
        Ok("plugin:ours".to_owned())
    );
}
