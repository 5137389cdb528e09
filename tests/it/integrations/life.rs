//! How long a token is used, and who asks for the next one.

use std::time::Duration;

use futures_util::future::join_all;

use super::{asked, by_app, given, later, refused};
use crate::support::github::{FakeGitHub, Reply, json_reply, message, now, written};

const INSTALLATION: &str = "GET /orgs/acme/installation";
const NEW_TOKEN: &str = "POST /app/installations/70/access_tokens";
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_token_is_used_for_fifty_minutes_and_then_renewed_before_it_ends() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    let first = given(&source, false).await.unwrap();
    later(49 * MINUTE).await;
    assert_eq!(given(&source, false).await.unwrap(), first);
    assert_eq!(github.calls(), [INSTALLATION, NEW_TOKEN]);
    later(2 * MINUTE).await;
    let second = given(&source, false).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(github.tokens_given(), 2);
}

#[tokio::test]
async fn sixty_four_who_come_at_once_share_one_token_request() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    let tokens = join_all((0..64).map(|_| given(&source, false))).await;
    let first = tokens[0].clone().unwrap();
    assert!(tokens.iter().all(|token| token.as_ref() == Ok(&first)));
    assert_eq!(github.calls(), [INSTALLATION, NEW_TOKEN]);
}

#[tokio::test]
async fn each_owner_has_a_token_of_its_own() {
    let github = FakeGitHub::start().await;
    github.install("acme").install("other");
    let (acme, other) = (by_app(&github, "acme"), by_app(&github, "other"));
    assert!(given(&acme, false).await.unwrap().contains("_acme_"));
    assert!(given(&other, false).await.unwrap().contains("_other_"));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_however_many_were_refused() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    let first = given(&source, false).await.unwrap();
    later(MINUTE).await;
    let renewed = join_all((0..32).map(|_| given(&source, true))).await;
    let second = renewed[0].clone().unwrap();
    assert_ne!(second, first);
    assert!(renewed.iter().all(|token| token.as_ref() == Ok(&second)));
    // One who comes late speaks of the old token too.
    assert_eq!(given(&source, true).await, Ok(second));
    assert_eq!(github.tokens_given(), 2);
}

#[tokio::test]
async fn a_failure_is_told_again_for_a_second_and_then_tried_anew() {
    let github = FakeGitHub::start().await;
    github
        .install("acme")
        .plant(INSTALLATION, &[message(503, "", "unicorn")]);
    let source = by_app(&github, "acme");
    let answers = join_all((0..32).map(|_| given(&source, false))).await;
    assert!(
        answers
            .iter()
            .all(|answer| refused(answer.clone()).contains("503"))
    );
    assert!(refused(given(&source, false).await).contains("503"));
    assert_eq!(github.calls().len(), 1);
    later(Duration::from_secs(1)).await;
    assert!(given(&source, false).await.is_ok());
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_yet_is_used_as_long_as_it_is_good() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    let first = given(&source, false).await.unwrap();
    later(51 * MINUTE).await;
    github.plant(INSTALLATION, &[message(503, "", "unicorn"), Reply::Close]);
    assert_eq!(given(&source, false).await.unwrap(), first);
    assert_eq!(given(&source, false).await.unwrap(), first);
    assert_eq!(github.calls().len(), 3, "an outage is not met by every writer");
    later(10 * MINUTE).await;
    assert!(refused(given(&source, false).await).contains("broke off"));
    later(Duration::from_secs(1)).await;
    assert_ne!(given(&source, false).await.unwrap(), first);
}

#[tokio::test]
async fn a_refused_token_is_not_used_again_when_there_is_no_new_one() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    given(&source, false).await.unwrap();
    later(MINUTE).await;
    github.plant(INSTALLATION, &[message(503, "", "unicorn")]);
    assert!(refused(given(&source, true).await).contains("503"));
    assert!(refused(given(&source, false).await).contains("503"));
}

#[tokio::test]
async fn a_token_whose_end_lies_behind_is_not_asked_for_with_every_push() {
    let github = FakeGitHub::start().await;
    let old = serde_json::json!({"token": "ghs_old", "expires_at": written(now() - 10)});
    github.install("acme").plant(NEW_TOKEN, &[json_reply(201, &old)]);
    let source = by_app(&github, "acme");
    assert_eq!(given(&source, false).await.unwrap(), "ghs_old");
    assert_eq!(given(&source, false).await.unwrap(), "ghs_old");
    later(Duration::from_secs(31)).await;
    assert_ne!(given(&source, false).await.unwrap(), "ghs_old");
}

#[tokio::test]
async fn one_who_goes_away_does_not_take_the_token_from_the_others() {
    let github = FakeGitHub::start().await;
    let source = by_app(github.install("acme"), "acme");
    let impatient = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>());
    tokio::select! {
        biased;
        outcome = given(&source, false) => drop(outcome),
        _ = impatient => {}
    }
    asked(&github, 1).await;
    assert!(given(&source, false).await.is_ok());
    assert_eq!(github.tokens_given(), 1);
}
