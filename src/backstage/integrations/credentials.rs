//! The credential for one owner's repositories: an App's token, kept and renewed, else the token of the entry.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use super::{api::AppApi, error::GitHubError, github::GitHubIntegration, owner::Owner, token::AccessToken};
use crate::infra::{
    git::{CredentialSource, Credentials},
    http_client::HttpClients,
    single_flight::SingleFlight,
    tasks::Tasks,
};

/// The user name beside a token, for Git.
const USERNAME: &str = "x-access-token";

/// Time for the few requests a token takes; GitHub answers each within a second.
const LIMIT: Duration = Duration::from_secs(15);

/// How long a failure is told again, so that many writers do not become many attempts.
const FAILURE_HOLD: Duration = Duration::from_secs(1);

/// Longest we obey a rate limit without trying: a mistake there must not end all writing.
const MAX_RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// How long the entry's token is used before the Apps are asked again: one may have been installed.
const ASK_APPS_AGAIN: Duration = Duration::from_secs(60);

/// A token this young is not dropped when it is refused: it is not the one that was, or a newer one fares no better.
const TOO_YOUNG_TO_DROP: Duration = Duration::from_secs(10);

/// All requests are joined: there is one owner.
const ONE_FLIGHT: u64 = 0;

/// Gives Git the credential for one owner's repositories on one host. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct GitHubCredentials(Arc<Inner>);

/// Whose rights a token has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// Of the person or account that the entry's token is of.
    OfEntry,
    /// Of an App; with what it lacks of what pull requests take, if GitHub told.
    OfApp(Option<Vec<&'static str>>),
}

struct Inner {
    owner: Owner,
    /// Those that may be used for the owner.
    apps: Vec<AppApi>,
    /// The token of the entry.
    fallback: Option<SecretString>,
    /// Where the entry is configured.
    key: String,
    /// What is to be said of Apps that may not be used for the owner.
    not_allowed: Vec<String>,
    kept: Mutex<Kept>,
    flights: SingleFlight<Result<SecretString, GitHubError>>,
}

#[derive(Default)]
struct Kept {
    token: Option<KeptToken>,
    failure: Option<(GitHubError, Instant)>,
}

struct KeptToken {
    token: SecretString,
    since: Instant,
    renew_at: Instant,
    ends_at: Option<Instant>,
    grant: Grant,
}

impl std::fmt::Debug for GitHubCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GitHubCredentials")
            .field("key", &self.0.key)
            .field("owner", &self.0.owner)
            .finish_non_exhaustive()
    }
}

impl GitHubCredentials {
    /// Prepares the credential for the repositories of an owner; asks nothing yet.
    ///
    /// # Errors
    /// The owner is no name of an account, or an App's private key cannot sign.
    pub fn new(
        integration: &GitHubIntegration,
        owner: &str,
        http: &HttpClients,
        tasks: &Tasks,
    ) -> Result<Self, GitHubError> {
        let owner = Owner::parse(owner)?;
        let (usable, not_allowed): (Vec<_>, Vec<_>) =
            integration.apps.iter().partition(|app| app.allows(&owner));
        let apps: Result<_, _> = usable
            .into_iter()
            .map(|app| AppApi::new(integration, app, http))
            .collect();
        Ok(Self(Arc::new(Inner {
            apps: apps?,
            fallback: integration.token.clone(),
            key: integration.key.clone(),
            not_allowed: not_allowed
                .into_iter()
                .map(|app| format!("{app} does not name it in allowedInstallationOwners"))
                .collect(),
            owner,
            kept: Mutex::default(),
            flights: SingleFlight::new(tasks.clone()),
        })))
    }

    /// Returns the token to use now; `refused` as in [`CredentialSource`].
    ///
    /// # Errors
    /// There is none, or GitHub does not give one.
    pub async fn token(&self, refused: bool) -> Result<SecretString, GitHubError> {
        if refused {
            self.0.drop_refused();
        }
        if let Some(known) = self.0.known() {
            return known;
        }
        let inner = Arc::clone(&self.0);
        let renewed = self
            .0
            .flights
            .run(ONE_FLIGHT, || async move { inner.renew().await });
        renewed.await.unwrap_or(Err(GitHubError::Internal))
    }

    /// Whose rights the token has that was given last.
    pub(super) fn grant(&self) -> Grant {
        let kept = self.0.kept.lock();
        let token = kept.token.as_ref();
        token.map_or(Grant::OfEntry, |token| token.grant.clone())
    }
}

impl CredentialSource for GitHubCredentials {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        Box::pin(async move {
            let token = self.token(refused).await.map_err(|error| error.to_string())?;
            Ok(Some(Credentials {
                username: USERNAME.to_owned(),
                password: token,
            }))
        })
    }
}

impl Inner {
    /// What can be said without asking: a good token, or a failure that is too young to try again.
    fn known(&self) -> Option<Result<SecretString, GitHubError>> {
        let now = Instant::now();
        let kept = self.kept.lock();
        if let Some(token) = kept.token.as_ref().filter(|token| now < token.renew_at) {
            return Some(Ok(token.token.clone()));
        }
        let (error, until) = kept.failure.as_ref()?;
        (now < *until).then(|| Err(error.clone()))
    }

    fn drop_refused(&self) {
        let mut kept = self.kept.lock();
        let old = |token: &KeptToken| token.since.elapsed() >= TOO_YOUNG_TO_DROP;
        if kept.token.as_ref().is_some_and(old) {
            kept.token = None;
        }
    }

    async fn renew(&self) -> Result<SecretString, GitHubError> {
        // Another renewal may have ended between the caller's look and the start of this one.
        if let Some(known) = self.known() {
            return known;
        }
        let outcome = timeout(LIMIT, self.ask_apps()).await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(GitHubError::TimedOut {
                api: self.apps.first().map_or("GitHub", AppApi::api).to_owned(),
                limit: LIMIT,
            })
        });
        self.kept.lock().take_in(outcome)
    }

    /// The first App that gives a token; one that fails does not hide another that works, but it does keep the entry's
    /// token from being used in its place, as in Backstage.
    async fn ask_apps(&self) -> Result<KeptToken, GitHubError> {
        let mut why = self.not_allowed.clone();
        let mut failure = None;
        for app in &self.apps {
            match app.token(&self.owner).await {
                Ok(Some(token)) => return Ok(KeptToken::of_app(token)),
                Ok(None) => why.push(format!("{} is not installed there", app.name())),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match (failure, &self.fallback) {
            (Some(error), _) => Err(error),
            (None, Some(token)) => Ok(KeptToken::of_entry(token.clone())),
            (None, None) => Err(self.no_credential(why)),
        }
    }

    fn no_credential(&self, mut why: Vec<String>) -> GitHubError {
        if why.is_empty() {
            why.push("it has neither apps nor a token".to_owned());
        }
        GitHubError::NoCredential {
            key: self.key.clone(),
            owner: self.owner.to_string(),
            why: format!(
                "{}; install an App of the entry for '{}', or set {}.token",
                why.join(", "),
                self.owner,
                self.key
            ),
        }
    }
}

impl Kept {
    /// Remembers the outcome. When there is no new token, the old one is used as long as it is good.
    fn take_in(&mut self, outcome: Result<KeptToken, GitHubError>) -> Result<SecretString, GitHubError> {
        let error = match outcome {
            Ok(token) => {
                self.failure = None;
                return Ok(self.token.insert(token).token.clone());
            }
            Err(error) => error,
        };
        let now = Instant::now();
        let until = now + hold(&error);
        if let Some(old) = &mut self.token
            && old.ends_at.is_some_and(|end| until < end)
        {
            tracing::warn!(reason = %error, "The GitHub token could not be renewed yet; the old one is still good");
            old.renew_at = until;
            return Ok(old.token.clone());
        }
        self.token = None;
        self.failure = Some((error.clone(), until));
        Err(error)
    }
}

impl KeptToken {
    fn of_app(token: AccessToken) -> Self {
        let now = Instant::now();
        Self {
            token: token.token,
            since: now,
            renew_at: now + token.fresh_for,
            ends_at: Some(now + token.good_for),
            grant: Grant::OfApp(token.lacking),
        }
    }

    /// It has no end that we know of, so it is not an old one to go on with either.
    fn of_entry(token: SecretString) -> Self {
        let now = Instant::now();
        Self {
            token,
            since: now,
            renew_at: now + ASK_APPS_AGAIN,
            ends_at: None,
            grant: Grant::OfEntry,
        }
    }
}

fn hold(error: &GitHubError) -> Duration {
    match error {
        GitHubError::RateLimited { wait, .. } => (*wait).clamp(FAILURE_HOLD, MAX_RATE_LIMIT_HOLD),
        _ => FAILURE_HOLD,
    }
}
