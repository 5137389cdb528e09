//! Keys are fetched again before they are too old, and a fetch that fails harms nobody who was served before.

use std::time::Duration;

use super::service::Service;
use crate::support::backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, fixture, user_claims};

const EIGHT_MINUTES: Duration = Duration::from_secs(8 * 60);
const TWO_MINUTES: Duration = Duration::from_secs(2 * 60);

async fn start() -> (FakeBackstage, Service, String) {
    let fake = FakeBackstage::with_fixtures().await;
    let service = Service::start(&fake, &[]).await;
    (
        fake,
        service,
        Signer::fixture("user1").user("user:default/ann", FAR),
    )
}

async fn is_accepted(service: &Service, token: &str) -> bool {
    service.bearer("sample", token).await.is_ok()
}

/// Lets the background work until the keys were asked for this often.
async fn fetched(fake: &FakeBackstage, times: usize) {
    let asked = async {
        while fake.fetches(AUTH_KEYS) < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .unwrap();
}

#[tokio::test]
async fn keys_in_use_are_fetched_again_in_the_background_so_that_nobody_waits() {
    let (fake, service, token) = start().await;
    assert!(is_accepted(&service, &token).await);
    fake.serve(AUTH_KEYS, Answer::Hang);
    service.authenticator.clock().advance(EIGHT_MINUTES);
    for _ in 0..5 {
        assert!(
            is_accepted(&service, &token).await,
            "served while the fetch hangs"
        );
    }
    let another = Signer::fixture("user2").user("user:default/bob", FAR);
    assert!(
        is_accepted(&service, &another).await,
        "also without a remembered verdict"
    );
    fetched(&fake, 2).await;
}

#[tokio::test]
async fn a_refresh_that_fails_is_tried_again_and_the_old_keys_serve_for_their_ten_minutes() {
    let (fake, service, token) = start().await;
    let clock = service.authenticator.clock();
    assert!(is_accepted(&service, &token).await);
    fake.serve(AUTH_KEYS, Answer::Status(503));
    clock.advance(EIGHT_MINUTES);
    for attempt in 2..6 {
        assert!(is_accepted(&service, &token).await);
        fetched(&fake, attempt).await;
        // The answer is on its way; whoever needs an unknown key now does not suffer either.
        clock.advance(Duration::from_secs(20));
        while fake.fetches(AUTH_KEYS) == attempt {
            assert!(is_accepted(&service, &token).await);
            tokio::task::yield_now().await;
        }
    }
    clock.advance(TWO_MINUTES);
    assert!(
        !is_accepted(&service, &token).await,
        "a document is believed for ten minutes"
    );
}

#[tokio::test]
async fn after_a_failure_at_the_worst_moment_everybody_is_back_in_two_seconds() {
    let (fake, service, token) = start().await;
    assert!(is_accepted(&service, &token).await);
    fake.serve(AUTH_KEYS, Answer::Status(503));
    service.authenticator.clock().advance(EIGHT_MINUTES + TWO_MINUTES);
    assert!(!is_accepted(&service, &token).await);
    fake.serve(AUTH_KEYS, Answer::Document(fixture("jwks/auth.json")));
    service.authenticator.clock().advance(Duration::from_secs(2));
    assert!(is_accepted(&service, &token).await);
}

#[tokio::test]
async fn a_failed_look_for_an_unknown_key_does_not_block_the_ordinary_fetch() {
    let (fake, service, token) = start().await;
    assert!(is_accepted(&service, &token).await);
    let clock = service.authenticator.clock();
    clock.advance(EIGHT_MINUTES - Duration::from_secs(1));
    fake.serve(AUTH_KEYS, Answer::Status(503));
    let claims = user_claims("user:default/ann", FAR);
    let unknown = Signer::fixture("user1").sign_as("made-up", "vnd.backstage.user", &claims);
    assert!(!is_accepted(&service, &unknown).await);
    assert_eq!(fake.fetches(AUTH_KEYS), 2);
    fake.serve(AUTH_KEYS, Answer::Document(fixture("jwks/auth.json")));
    clock.advance(Duration::from_secs(1));
    assert!(is_accepted(&service, &token).await);
    fetched(&fake, 3).await;
}
