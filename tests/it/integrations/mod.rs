//! Code hosts: GitHub's App tokens against its endpoints at the wire, and what became of pull requests.

mod choice;
mod faults;
mod life;
mod long_texts;
mod secrecy;
mod states;

use std::time::Duration;

use ::secrecy::{ExposeSecret as _, SecretString};
use stagedoor::{
    backstage::integrations::{GitHubApp, GitHubCredentials, GitHubIntegration},
    infra::{
        git::{CredentialSource as _, Credentials},
        http_client::HttpClients,
        tasks::Tasks,
    },
};

use crate::support::github::{APP_ID, FakeGitHub, KEYS};

/// The App of the fake, for all owners.
fn app() -> GitHubApp {
    GitHubApp {
        key: "integrations.github[0].apps[0]".to_owned(),
        app_id: APP_ID,
        private_key: SecretString::from(KEYS[0].serialize_pem()),
        allowed_installation_owners: None,
    }
}

/// An entry with these credentials.
fn integration(github: &FakeGitHub, apps: Vec<GitHubApp>, token: Option<&str>) -> GitHubIntegration {
    GitHubIntegration {
        key: "integrations.github[0]".to_owned(),
        host: "github.example.com".to_owned(),
        api_base_url: github.url().parse().unwrap(),
        token: token.map(SecretString::from),
        apps,
    }
}

/// The credential for an owner.
fn credentials(integration: &GitHubIntegration, owner: &str) -> GitHubCredentials {
    stagedoor::infra::install_crypto_provider();
    let http = HttpClients::new(&[]).unwrap();
    GitHubCredentials::new(integration, owner, &http, &Tasks::default()).unwrap()
}

/// The credential for an owner by the fake's App alone.
fn by_app(github: &FakeGitHub, owner: &str) -> GitHubCredentials {
    credentials(&integration(github, vec![app()], None), owner)
}

/// What Git would be given.
async fn given(source: &GitHubCredentials, refused: bool) -> Result<String, String> {
    let Credentials { username, password } = source.credentials(refused).await?.expect("there is always one");
    assert_eq!(username, "x-access-token");
    Ok(password.expose_secret().to_owned())
}

/// Why Git would be given nothing.
#[track_caller]
fn refused(outcome: Result<String, String>) -> String {
    match outcome {
        Ok(token) => panic!("a token was given: {token}"),
        Err(sentence) => sentence,
    }
}

/// Lets time pass that nobody waits for.
pub(crate) async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// Waits until the fake was asked this often.
async fn asked(github: &FakeGitHub, calls: usize) {
    let wait = async {
        while github.calls().len() < calls {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("the calls come");
}
