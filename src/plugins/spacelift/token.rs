//! API key → session token: kept until shortly before it ends, one login however many callers wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    config::{Config, Credential},
    deadline::Deadline,
    error::SpaceliftError,
    graphql::{LogIn, Operation, log_in},
    hold::Held,
    reply::ReplyError,
    text,
    transport::{Extras, Quote, Sender, Transport},
};
use crate::{
    config::{ConfigStore, Live},
    infra::{clock::unix_seconds, single_flight::SingleFlight, tasks::Tasks},
};

/// A token is renewed this long before its end, as the official clients do, so that it outlives the call it is for.
const RENEW_EARLY: Duration = Duration::from_secs(30);

/// Shortest life we give a token. If our clock runs ahead, every token looks dead; this keeps us to six logins a minute.
const MIN_LIFE: Duration = Duration::from_secs(10);

/// The life of a token that says nothing of its end, or whose end cannot be noticed by the viewer: what the Node plugin
/// gives every token.
const ASSUMED_LIFE: Duration = Duration::from_secs(60);

/// Longest life we give a token. If our clock runs behind, a dead one is used no longer than this without notice.
const MAX_LIFE: Duration = Duration::from_secs(3600);

/// All logins are joined; there is one credential at a time.
const ONE_FLIGHT: u64 = 0;

/// A session with Spacelift.
#[derive(Debug)]
pub(super) struct SpaceliftToken {
    jwt: SecretString,
    begun: Instant,
    renew_at: Instant,
    /// Whether Spacelift ever accepted it.
    proven: AtomicBool,
    credential: Arc<Credential>,
}

impl SpaceliftToken {
    /// Returns the bearer token.
    pub(super) fn jwt(&self) -> &SecretString {
        &self.jwt
    }

    /// Bounds and cleans a text of Spacelift's; what we sent it must not come back.
    pub(super) fn redact(&self, foreign: &str) -> String {
        text::redact(foreign, &self.secrets())
    }

    /// Whether a text of Spacelift's repeats what we sent it. Looks at the texts themselves, not at escaped JSON.
    pub(super) fn is_quoted_in(&self, foreign: &Value) -> bool {
        let quotes = |text: &str| {
            self.secrets()
                .iter()
                .any(|secret| text.contains(secret.expose_secret()))
        };
        match foreign {
            Value::String(text) => quotes(text),
            Value::Array(items) => items.iter().any(|item| self.is_quoted_in(item)),
            Value::Object(fields) => fields
                .iter()
                .any(|(key, value)| quotes(key) || self.is_quoted_in(value)),
            Value::Number(number) => quotes(&number.to_string()),
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// Notes that Spacelift accepted this session.
    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    fn secrets(&self) -> [&SecretString; 3] {
        [&self.jwt, &self.credential.key, &self.credential.secret]
    }
}

/// Where calls get their token from. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct TokenSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    transport: Transport,
    config: Live<Config>,
    store: ConfigStore,
    timeout: Duration,
    state: Mutex<State>,
    logins: SingleFlight<Result<Arc<SpaceliftToken>, SpaceliftError>>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<SpaceliftToken>>,
    /// The newest failure, for the credential that failed.
    failure: Option<(Arc<Credential>, Held)>,
    /// Whether the session refused last was never accepted: a second such one in a row is no accident.
    barren: bool,
}

impl TokenSource {
    /// Logs in with the credential of the configuration in force, within the configured time.
    pub(super) fn new(transport: Transport, config: Live<Config>, store: ConfigStore, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            transport,
            timeout: config.get().timeout,
            config,
            store,
            state: Mutex::default(),
            logins: SingleFlight::new(tasks),
        }))
    }

    /// Returns a token that should be good, logging in if there is none; waits no longer than the deadline.
    pub(super) async fn get(&self, deadline: Deadline) -> Result<Arc<SpaceliftToken>, SpaceliftError> {
        if let Some(known) = self.0.known() {
            return known;
        }
        let inner = Arc::clone(&self.0);
        let login = self
            .0
            .logins
            .run(ONE_FLIGHT, || async move { inner.renew().await });
        deadline
            .bound(LogIn::NAME, async {
                login.await.unwrap_or(Err(SpaceliftError::Abandoned))
            })
            .await
    }

    /// Forgets a token that Spacelift refused, unless a newer one has taken its place already.
    ///
    /// If the one before it was never accepted either, there is no new login for `MIN_LIFE` after this one's.
    pub(super) fn forget(&self, refused: &Arc<SpaceliftToken>) {
        let mut state = self.0.state.lock();
        let current = state.token.as_ref();
        if !current.is_some_and(|token| Arc::ptr_eq(token, refused)) {
            return;
        }
        state.token = None;
        let barren = !refused.proven.load(Ordering::Relaxed);
        if barren && state.barren {
            let held = Held::until(SpaceliftError::SessionRefused, refused.begun + MIN_LIFE);
            state.failure = Some((Arc::clone(&refused.credential), held));
        }
        state.barren = barren;
    }
}

impl Inner {
    /// What can be said without asking: a good token, or a failure that is too young to try again.
    fn known(&self) -> Option<Result<Arc<SpaceliftToken>, SpaceliftError>> {
        let credential = Arc::clone(&self.config.get().credential);
        let now = Instant::now();
        let state = self.state.lock();
        if let Some(token) = &state.token
            && now < token.renew_at
            && (now < token.begun + ASSUMED_LIFE || !self.transport.documents().lack("viewer"))
            && token.credential == credential
        {
            return Some(Ok(Arc::clone(token)));
        }
        let (failed, held) = state.failure.as_ref()?;
        (*failed == credential)
            .then(|| held.failure(now))
            .flatten()
            .map(Err)
    }

    async fn renew(&self) -> Result<Arc<SpaceliftToken>, SpaceliftError> {
        // Another login may have ended between the caller's look and the start of this one.
        if let Some(known) = self.known() {
            return known;
        }
        let (credential, outcome) = self.log_in_with_newest().await;
        let mut state = self.state.lock();
        match &outcome {
            Ok(token) => {
                state.token = Some(Arc::clone(token));
                state.failure = None;
            }
            Err(error) => state.failure = Some((credential, Held::new(error))),
        }
        outcome
    }

    /// Logs in; when the key is refused, reads the configuration again, because a `$file` secret may have rotated.
    async fn log_in_with_newest(&self) -> (Arc<Credential>, Result<Arc<SpaceliftToken>, SpaceliftError>) {
        let credential = Arc::clone(&self.config.get().credential);
        let outcome = self.log_in(&credential).await;
        if !matches!(outcome, Err(SpaceliftError::KeyRefused { .. })) {
            return (credential, outcome);
        }
        let deadline = Deadline::after(self.timeout);
        let _ = deadline
            .bound(LogIn::NAME, async { Ok(self.store.refresh().await) })
            .await;
        let newest = Arc::clone(&self.config.get().credential);
        if newest == credential {
            return (credential, outcome);
        }
        let outcome = self.log_in(&newest).await;
        (newest, outcome)
    }

    async fn log_in(&self, credential: &Arc<Credential>) -> Result<Arc<SpaceliftToken>, SpaceliftError> {
        let variables = log_in::Variables {
            id: credential.key.expose_secret().to_owned(),
            secret: credential.secret.expose_secret().to_owned(),
        };
        let deadline = Deadline::after(self.timeout);
        let extras = Extras {
            sender: Sender::Key(credential),
            run_metadata: None,
        };
        let reply = match self.transport.send::<LogIn>(variables, extras, deadline).await {
            Err(SpaceliftError::Unauthorized { said, .. }) => {
                return Err(SpaceliftError::KeyRefused { said });
            }
            reply => reply?,
        };
        if let Some(error) = reply.errors.first() {
            return Err(key_refused(error, credential));
        }
        let data = reply.data.ok_or(SpaceliftError::Malformed {
            operation: LogIn::NAME,
            source: None,
        })?;
        let user = data
            .api_key_user
            .ok_or(SpaceliftError::KeyRefused { said: None })?;
        let jwt = user
            .jwt
            .filter(|jwt| !jwt.is_empty())
            .ok_or(SpaceliftError::KeyRefused { said: None })?;
        Ok(Arc::new(SpaceliftToken {
            jwt: SecretString::from(jwt),
            begun: Instant::now(),
            proven: AtomicBool::new(false),
            renew_at: Instant::now() + life(user.valid_until, unix_seconds()),
            credential: Arc::clone(credential),
        }))
    }
}

fn key_refused(error: &ReplyError, credential: &Credential) -> SpaceliftError {
    let Quote { logged, .. } = Sender::Key(credential).quote(&error.message);
    SpaceliftError::KeyRefused { said: logged }
}

/// How long to use a token that ends at `valid_until`, both in Unix seconds; bounded, since one clock may be off.
fn life(valid_until: Option<i64>, now: i64) -> Duration {
    let Some(end) = valid_until else {
        return ASSUMED_LIFE;
    };
    let left = end.saturating_sub(now);
    let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
    left.saturating_sub(RENEW_EARLY).clamp(MIN_LIFE, MAX_LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        assert_eq!(life(Some(1_000 + 600), 1_000), Duration::from_secs(570));
    }

    #[test]
    fn a_clock_that_is_off_neither_floods_nor_keeps_a_token_for_ever() {
        assert_eq!(life(Some(1_000), 5_000), MIN_LIFE);
        assert_eq!(life(None, 5_000), ASSUMED_LIFE);
        assert_eq!(life(Some(i64::MIN), i64::MAX), MIN_LIFE);
        assert_eq!(life(Some(1_000_000), 1_000), MAX_LIFE);
        assert_eq!(life(Some(i64::MAX), -1), MAX_LIFE);
    }
}
