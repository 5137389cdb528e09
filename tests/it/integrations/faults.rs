//! Servers that fail, limit, wander off or are not GitHub: each has its sentence, in bounded time.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use stagedoor::backstage::integrations::GitHubApp;

use super::{app, asked, by_app, credentials, given, integration, later, refused};
use crate::support::github::{FakeGitHub, KEYS, Reply, message};

const INSTALLATION: &str = "GET /orgs/acme/installation";
const NEW_TOKEN: &str = "POST /app/installations/70/access_tokens";

#[tokio::test]
async fn a_rate_limit_is_told_and_obeyed_for_a_minute_at_most() {
    let github = FakeGitHub::start().await;
    let limited = message(429, "retry-after: 1800\r\n", "slow down");
    github.install("acme").plant(NEW_TOKEN, &[limited]);
    let source = by_app(&github, "acme");
    let sentence = refused(given(&source, false).await);
    assert!(
        sentence.contains("1800 seconds") && sentence.contains("App 12345"),
        "{sentence}"
    );
    later(Duration::from_secs(58)).await;
    refused(given(&source, false).await);
    assert_eq!(github.calls().len(), 2);
    later(Duration::from_secs(3)).await;
    assert!(given(&source, false).await.is_ok());
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_clock_that_is_off() {
    let github = FakeGitHub::start().await;
    github.install("acme");
    let strangers = GitHubApp {
        private_key: SecretString::from(KEYS[1].serialize_pem()),
        ..app()
    };
    let source = credentials(&integration(&github, vec![strangers], None), "acme");
    let sentence = refused(given(&source, false).await);
    assert!(sentence.contains("privateKey"), "{sentence}");
    let early = "'Expiration time' claim ('exp') is too far in the future";
    github.plant(INSTALLATION, &[message(401, "", early)]);
    let sentence = refused(given(&by_app(&github, "acme"), false).await);
    assert!(sentence.contains("clock of this machine"), "{sentence}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (github, elsewhere) = (FakeGitHub::start().await, FakeGitHub::start().await);
    for status in [301, 302, 307, 308] {
        let location = format!("location: {}/orgs/acme/installation\r\n", elsewhere.url());
        github.plant(INSTALLATION, &[message(status, &location, "Moved Permanently")]);
        let sentence = refused(given(&by_app(&github, "acme"), false).await);
        assert!(
            sentence.contains("integrations.github[0].apiBaseUrl"),
            "{sentence}"
        );
        assert!(sentence.contains("redirects"), "{sentence}");
    }
    assert!(elsewhere.calls().is_empty());
}

#[tokio::test]
async fn an_answer_without_an_end_is_left_after_a_megabyte() {
    let github = FakeGitHub::start().await;
    github.plant(INSTALLATION, &[Reply::Endless]);
    let sentence = refused(given(&by_app(&github, "acme"), false).await);
    assert!(sentence.contains("too long"), "{sentence}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let github = FakeGitHub::start().await;
    github.plant(INSTALLATION, &[Reply::Hang]);
    let source = by_app(&github, "acme");
    let (begun, waiting) = (Instant::now(), given(&source, false));
    let time_passes = async {
        asked(&github, 1).await;
        later(Duration::from_secs(15)).await;
    };
    let (sentence, ()) = tokio::join!(waiting, time_passes);
    let sentence = refused(sentence);
    assert!(sentence.contains("15 seconds"), "{sentence}");
    assert!(
        sentence.contains("integrations.github[0].apiBaseUrl"),
        "{sentence}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_that_is_down_or_another_one_is_said_with_the_key_of_its_address() {
    let github = FakeGitHub::start().await;
    let page = Reply::Raw(200, String::new(), "<html>sign in</html>".to_owned());
    let none = Reply::Raw(404, String::new(), "<html>nothing here</html>".to_owned());
    for reply in [page, none, Reply::Close, message(502, "", "Server Error")] {
        github.plant(INSTALLATION, std::slice::from_ref(&reply));
        let sentence = refused(given(&by_app(&github, "acme"), false).await);
        assert!(
            sentence.contains("integrations.github[0].apiBaseUrl"),
            "{reply:?}: {sentence}"
        );
    }
    let mut nobody = integration(&github, vec![app()], None);
    nobody.api_base_url = "http://127.0.0.1:1/".parse().unwrap();
    let sentence = refused(given(&credentials(&nobody, "acme"), false).await);
    assert!(sentence.contains("cannot be reached"), "{sentence}");
}

#[tokio::test]
async fn an_enterprise_server_is_asked_below_its_path() {
    let github = FakeGitHub::start_below("/api/v3").await;
    github.install("acme");
    let mut entry = integration(&github, vec![app()], None);
    assert!(given(&credentials(&entry, "acme"), false).await.is_ok());
    entry.api_base_url = format!("{}/", github.url()).parse().unwrap();
    assert!(given(&credentials(&entry, "acme"), false).await.is_ok());
    assert_eq!(github.tokens_given(), 2);
}
