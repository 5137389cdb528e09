//! For how long is believed what Promises offered, and which of them are asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::json;

use super::*;

#[test]
fn a_promise_without_an_api_offers_nothing() {
    let api = json!({"spec": {"group": "example.com", "names": {"kind": "Database"}}});
    let offered = offered_by(&json!({"spec": {"api": api}}));
    assert_eq!(offered, Some(("example.com".to_owned(), "Database".to_owned())));
    for promise in [json!({"spec": {}}), json!({"spec": {"api": "text"}}), json!({})] {
        assert_eq!(offered_by(&promise), None, "{promise}");
    }
}

fn database() -> (String, String) {
    ("example.com".to_owned(), "Database".to_owned())
}

/// What was asked at the beginning of the given look, so many seconds later.
fn later(looked: Result<Kinds, KubernetesError>, seconds: f32) -> Option<Result<bool, KubernetesError>> {
    let (offered, begun) = (Offered::default(), Instant::now());
    let _ = offered.remember(looked, begun, begun);
    let said = offered.remembered(&database(), begun + Duration::from_secs_f32(seconds))?;
    Some(said.map(|offers| !offers.is_empty()))
}

fn offers_database() -> Kinds {
    let mut kinds = Kinds::new();
    let api = json!({"spec": {"group": "example.com", "names": {"kind": "Database"}}});
    add(
        &mut kinds,
        &json!({"metadata": {"name": "database"}, "spec": {"api": api}}),
    );
    kinds
}

#[test]
fn a_kind_of_which_one_promise_leaves_is_not_to_be_written() {
    let offer = |promise: &str, leaving| Offer {
        promise: promise.to_owned(),
        leaving,
    };
    for (offers, expected) in [
        (&[][..], Standing::Unoffered),
        (&[offer("a", false)], Standing::Stands),
        (&[offer("a", true)], Standing::Leaving("a".to_owned())),
        (
            &[offer("a", false), offer("b", true)],
            Standing::Leaving("b".to_owned()),
        ),
    ] {
        assert_eq!(standing(offers), expected);
    }
}

#[test]
fn a_kind_stays_open_for_at_most_a_minute_after_its_promise_is_gone() {
    let offered = || Ok(offers_database());
    assert!(matches!(later(offered(), 59.9), Some(Ok(true))));
    assert!(later(offered(), 60.1).is_none());
}

#[test]
fn a_kind_that_was_missed_is_looked_for_again_after_five_seconds() {
    assert!(matches!(later(Ok(Kinds::new()), 4.9), Some(Ok(false))));
    assert!(later(Ok(Kinds::new()), 5.1).is_none());
    let slow = || Err(KubernetesError::Slow(Duration::from_secs(15)));
    assert!(matches!(later(slow(), 0.9), Some(Err(_))));
    assert!(later(slow(), 1.1).is_none());
}

#[tokio::test]
async fn one_look_answers_all_who_wait_for_it_also_when_it_fails() {
    let (offered, looks, wanted) = (Offered::default(), AtomicUsize::new(0), database());
    let look = || async {
        looks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(KubernetesError::Slow(Duration::from_secs(15)))
    };
    let answers = join_all((0..50).map(|_| offered.offers(&wanted, look))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(looks.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_failing_look_closes_nothing_that_is_known_to_be_open() {
    let (offered, wanted) = (Offered::default(), database());
    let offers = || async { Ok(offers_database()) };
    assert!(!offered.offers(&wanted, offers).await.unwrap().is_empty());
    tokio::time::sleep(MISS_HOLDS).await;
    let other = ("example.com".to_owned(), "Other".to_owned());
    let fails = || async { Err(KubernetesError::Slow(Duration::from_secs(15))) };
    assert!(offered.offers(&other, fails).await.is_err());
    assert!(!offered.offers(&wanted, fails).await.unwrap().is_empty());
}
