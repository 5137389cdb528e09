//! Which credential is used for whom.

use std::time::Duration;

use secrecy::SecretString;
use stagedoor::{
    backstage::integrations::{GitHubApp, GitHubCredentials, GitHubError},
    infra::{http_client::HttpClients, tasks::Tasks},
};

use super::{app, by_app, credentials, given, integration, later, refused};
use crate::support::github::{FakeGitHub, KEYS, message};

const ENTRYS_TOKEN: &str = "ghp_canary_entry";

fn allowing(owners: &[&str]) -> GitHubApp {
    GitHubApp {
        allowed_installation_owners: Some(owners.iter().map(ToString::to_string).collect()),
        ..app()
    }
}

/// An App that GitHub does not know.
fn unknown_app() -> GitHubApp {
    GitHubApp {
        key: "integrations.github[0].apps[0]".to_owned(),
        app_id: 666,
        ..app()
    }
}

#[tokio::test]
async fn an_app_wins_over_the_token_of_the_entry() {
    let github = FakeGitHub::start().await;
    github.install("acme");
    let source = credentials(&integration(&github, vec![app()], Some(ENTRYS_TOKEN)), "ACME");
    assert!(given(&source, false).await.unwrap().contains("_acme_"));
}

#[tokio::test]
async fn a_users_installation_is_found_as_an_organisations_is() {
    let github = FakeGitHub::start().await;
    github.install_as("users", "jane", false);
    let source = by_app(&github, "jane");
    assert!(given(&source, false).await.unwrap().contains("_jane_"));
    assert_eq!(
        github.calls()[..2],
        ["GET /orgs/jane/installation", "GET /users/jane/installation"]
    );
}

#[tokio::test]
async fn an_app_is_used_only_for_allowed_owners_whatever_their_case() {
    let github = FakeGitHub::start().await;
    github.install("acme").install("other");
    let entry = integration(&github, vec![allowing(&["AcMe"])], None);
    assert!(given(&credentials(&entry, "acme"), false).await.is_ok());
    let before = github.calls().len();
    let sentence = refused(given(&credentials(&entry, "other"), false).await);
    for wanted in [
        "'other'",
        "integrations.github[0]",
        "App 12345",
        "allowedInstallationOwners",
    ] {
        assert!(sentence.contains(wanted), "{sentence}");
    }
    assert_eq!(github.calls().len(), before, "GitHub is not even asked");
}

#[tokio::test]
async fn the_token_of_the_entry_serves_where_no_app_is_installed_or_allowed() {
    let github = FakeGitHub::start().await;
    let entry = integration(&github, vec![app()], Some(ENTRYS_TOKEN));
    let source = credentials(&entry, "acme");
    assert_eq!(given(&source, false).await.unwrap(), ENTRYS_TOKEN);
    assert_eq!(given(&source, false).await.unwrap(), ENTRYS_TOKEN);
    assert_eq!(github.calls().len(), 2, "not asked again with every push");
    github.install("acme");
    later(Duration::from_secs(61)).await;
    assert!(given(&source, false).await.unwrap().contains("_acme_"));
    let before = github.calls().len();
    for apps in [vec![allowing(&["other"])], vec![]] {
        let source = credentials(&integration(&github, apps, Some(ENTRYS_TOKEN)), "acme");
        assert_eq!(given(&source, false).await.unwrap(), ENTRYS_TOKEN);
    }
    assert_eq!(github.calls().len(), before);
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_named_with_the_owner_and_the_cure() {
    let github = FakeGitHub::start().await;
    let sentence = refused(given(&by_app(&github, "acme"), false).await);
    for wanted in [
        "'acme'",
        "App 12345 (integrations.github[0].apps[0])",
        "install",
        "integrations.github[0].token",
    ] {
        assert!(sentence.contains(wanted), "{sentence}");
    }
    let nothing = credentials(&integration(&github, vec![], None), "acme");
    let sentence = refused(given(&nothing, false).await);
    assert!(sentence.contains("neither apps nor a token"), "{sentence}");
}

#[tokio::test]
async fn a_suspended_installation_is_refused_and_the_token_of_the_entry_does_not_hide_it() {
    let github = FakeGitHub::start().await;
    github.install_as("orgs", "acme", true);
    let entry = integration(&github, vec![app()], Some(ENTRYS_TOKEN));
    let sentence = refused(given(&credentials(&entry, "acme"), false).await);
    assert!(sentence.contains("suspended for 'acme'"), "{sentence}");
    assert_eq!(github.calls().len(), 1, "no token is asked for");
    // Suspended between the two requests.
    github.install("late").plant(
        "POST /app/installations/71/access_tokens",
        &[message(403, "", "This installation has been suspended")],
    );
    let sentence = refused(given(&by_app(&github, "late"), false).await);
    assert!(sentence.contains("suspended for 'late'"), "{sentence}");
}

#[tokio::test]
async fn an_app_that_fails_does_not_hide_one_that_works() {
    let github = FakeGitHub::start().await;
    github.install("acme");
    let both = integration(&github, vec![unknown_app(), app()], None);
    assert!(given(&credentials(&both, "acme"), false).await.is_ok());
    let alone = integration(&github, vec![unknown_app()], Some(ENTRYS_TOKEN));
    let sentence = refused(given(&credentials(&alone, "acme"), false).await);
    assert!(sentence.contains("GitHub knows no App 666"), "{sentence}");
}

#[tokio::test]
async fn an_answer_about_another_account_gives_no_token() {
    let github = FakeGitHub::start().await;
    let other = serde_json::json!({"id": 70, "account": {"login": "other"}});
    github.plant(
        "GET /orgs/acme/installation",
        &[crate::support::github::json_reply(200, &other)],
    );
    let sentence = refused(given(&by_app(&github, "acme"), false).await);
    assert!(sentence.contains("another account's"), "{sentence}");
}

#[tokio::test]
async fn an_owner_that_is_no_name_and_a_key_that_is_none_are_refused_at_once() {
    let github = FakeGitHub::start().await;
    let http = HttpClients::new(&[]).unwrap();
    let make = |app: GitHubApp, owner: &str| {
        let entry = integration(&github, vec![app], None);
        GitHubCredentials::new(&entry, owner, &http, &Tasks::default())
    };
    for owner in ["..", "a/b", "a?b", ""] {
        let refused = make(app(), owner);
        assert!(matches!(refused, Err(GitHubError::NotAnOwner)), "{owner}");
    }
    let unusable = GitHubApp {
        private_key: SecretString::from(KEYS[0].public_key_pem()),
        ..app()
    };
    let refused = make(unusable, "acme").unwrap_err().to_string();
    assert!(refused.contains("integrations.github[0].apps[0]"), "{refused}");
}
