//! One exchange with Spacelift's GraphQL endpoint: headers, time and size limits, and what the status means.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::IgnoredAny};
use tokio::time::Instant;
use tracing::warn;
use url::Url;

use super::{
    config::Credential,
    deadline::Deadline,
    document::{Document, Documents},
    error::SpaceliftError,
    failure::classify,
    graphql::Operation,
    hold::Held,
    reply::{Reply, ReplyError},
    text::{self, Said},
    token::SpaceliftToken,
};
use crate::infra::http_client::{ReadError, read_at_most};

/// Largest answer we read. Ten thousand stacks are about 4 MB; this bounds memory, not accounts.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Most of an error body that we look into for a message.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// How long a rate limit without `Retry-After` is respected, and what callers are told then.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Longest `Retry-After` that we believe: a day. More is a mistake or an attack.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Who we are, as the official clients say it.
const CLIENT_TYPE: HeaderName = HeaderName::from_static("spacelift-client-type");

/// Free text attached to a run; policies read it as `user_provided_metadata`.
const RUN_METADATA: HeaderName = HeaderName::from_static("spacelift-user-provided-run-metadata");

const USER_AGENT: &str = concat!("stagedoor/", env!("CARGO_PKG_VERSION"));

/// Sends operations to one endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    client: reqwest::Client,
    endpoint: Url,
    /// The newest rate limit.
    paused: Arc<Mutex<Option<Held>>>,
    documents: Arc<Documents>,
}

/// What goes with an operation besides its variables.
#[derive(Debug)]
pub(super) struct Extras<'a> {
    pub(super) sender: Sender<'a>,
    /// Who asked, for the run's metadata.
    pub(super) run_metadata: Option<HeaderValue>,
}

/// As whom an operation is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sender<'a> {
    /// With the API key itself, which is a login.
    Key(&'a Credential),
    Session(&'a SpaceliftToken),
}

/// A text of Spacelift's: as it is shown, and as only the log has it.
#[derive(Debug, Default)]
pub(super) struct Quote {
    pub(super) shown: Option<String>,
    pub(super) logged: Option<Said>,
}

impl Sender<'_> {
    /// Bounds and cleans what Spacelift said. The answer to a login may quote the secret in a spelling not known.
    pub(super) fn quote(self, said: &str) -> Quote {
        match self {
            Self::Key(credential) => {
                let secrets = [&credential.key, &credential.secret];
                let logged = Some(Said(text::redact_strictly(said, &secrets)));
                Quote { shown: None, logged }
            }
            Self::Session(session) => Quote {
                shown: Some(session.redact(said)),
                logged: None,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a, V> {
    operation_name: &'static str,
    query: &'a str,
    variables: &'a V,
}

impl Transport {
    pub(super) fn new(client: reqwest::Client, endpoint: Url) -> Self {
        Self {
            client,
            endpoint,
            paused: Arc::default(),
            documents: Arc::default(),
        }
    }

    /// What this Spacelift lacks of what we ask for.
    pub(super) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Sends the operation and decodes the answer, all before the deadline. A document that is refused for what may be
    /// left out is sent again without; it had no effect.
    pub(super) async fn send<O: Operation>(
        &self,
        variables: O::Variables,
        extras: Extras<'_>,
        deadline: Deadline,
    ) -> Result<Reply<O::Data>, SpaceliftError> {
        let whole = O::build_query(variables);
        loop {
            let document = self.documents.without_lacks(O::NAME, whole.query);
            let request = Request {
                operation_name: O::NAME,
                query: &document.text(),
                variables: &whole.variables,
            };
            let body = self.exchange::<O>(&request, &extras, deadline).await?;
            let mut reply = O::decode(&body).map_err(|error| SpaceliftError::Malformed {
                operation: O::NAME,
                source: Some(error.into()),
            })?;
            if !reply.refuses_the_document() {
                reply.viewer_asked = document.asks_for("viewer");
                return Ok(reply);
            }
            self.learn(&document, &reply.telling_errors(), (O::NAME, extras.sender))?;
        }
    }

    async fn exchange<O: Operation>(
        &self,
        body: &Request<'_, O::Variables>,
        extras: &Extras<'_>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, SpaceliftError> {
        if let Some(pause) = self.pause() {
            return Err(pause);
        }
        let request = self
            .client
            .post(self.endpoint.clone())
            .headers(headers::<O>(extras))
            .json(body);
        let answer = deadline
            .bound(O::NAME, exchange(O::NAME, request, extras.sender))
            .await;
        answer.inspect_err(|error| self.obey(error))
    }

    /// Leaves out from now on what the server lacks; an error if that is needed.
    fn learn(
        &self,
        document: &Document,
        errors: &[&ReplyError],
        (operation, sender): (&'static str, Sender<'_>),
    ) -> Result<(), SpaceliftError> {
        let said: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        let Quote { shown, logged } = sender.quote(&said.join("; "));
        let lacking = self.documents.learn(document, errors);
        if lacking.is_empty() {
            return Err(SpaceliftError::NotInSchema {
                operation,
                message: shown,
                said: logged,
            });
        }
        let parts = Vec::from_iter(lacking).join(", ");
        let said = shown.or(logged.map(|said| said.0)).unwrap_or_default();
        warn!("This Spacelift lacks {parts}, so {operation} goes without for an hour; it said: {said}");
        Ok(())
    }

    /// The refusal that still holds: a rate limit counts for all calls of the key, whichever met it.
    fn pause(&self) -> Option<SpaceliftError> {
        let paused = self.paused.lock();
        paused.as_ref().and_then(|held| held.failure(Instant::now()))
    }

    fn obey(&self, error: &SpaceliftError) {
        if error.retry_at().is_some() {
            *self.paused.lock() = Some(Held::new(error));
        }
    }
}

fn headers<O: Operation>(extras: &Extras<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(CLIENT_TYPE, HeaderValue::from_static("stagedoor"));
    headers.insert(
        HeaderName::from_static(O::LABEL_HEADER),
        HeaderValue::from_static(O::NAME),
    );
    if let Sender::Session(session) = extras.sender
        && let Some(bearer) = bearer(session.jwt())
    {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    if let Some(metadata) = &extras.run_metadata {
        headers.insert(RUN_METADATA, metadata.clone());
    }
    headers
}

/// Marked sensitive, so that no debug output shows it.
fn bearer(session: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", session.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn exchange(
    operation: &'static str,
    request: reqwest::RequestBuilder,
    sender: Sender<'_>,
) -> Result<Vec<u8>, SpaceliftError> {
    let response = request.send().await.map_err(|error| classify(operation, error))?;
    match response.status() {
        StatusCode::OK => read(operation, response, MAX_ANSWER).await,
        StatusCode::TOO_MANY_REQUESTS => Err(rate_limited(response.headers())),
        status => {
            // A body that cannot be read adds nothing to what the status says already.
            let body = read(operation, response, MAX_ERROR_BODY)
                .await
                .unwrap_or_default();
            refusal(operation, status, body, sender)
        }
    }
}

/// What another status means. A 401 or 403 is Spacelift's own only if GraphQL is spoken in it, and servers may refuse a
/// document with a 400 or 422, which is read like any answer.
fn refusal(
    operation: &'static str,
    status: StatusCode,
    body: Vec<u8>,
    sender: Sender<'_>,
) -> Result<Vec<u8>, SpaceliftError> {
    let reply = serde_json::from_slice::<Reply<IgnoredAny>>(&body).ok();
    if status.is_client_error() && reply.as_ref().is_some_and(Reply::refuses_the_document) {
        return Ok(body);
    }
    let error = reply.and_then(|reply| reply.errors.into_iter().next());
    let quote = error.as_ref().map(|error| sender.quote(&error.message));
    let Quote { shown, logged } = quote.unwrap_or_default();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) && error.is_some() {
        return Err(SpaceliftError::Unauthorized {
            operation,
            said: logged,
        });
    }
    Err(SpaceliftError::Failed {
        operation,
        status,
        message: shown,
        said: logged,
    })
}

async fn read(operation: &'static str, response: Response, limit: usize) -> Result<Vec<u8>, SpaceliftError> {
    read_at_most(limit, response).await.map_err(|error| match error {
        ReadError::TooLarge(limit) => SpaceliftError::TooLarge { operation, limit },
        ReadError::Broken(error) => classify(operation, error),
    })
}

fn rate_limited(headers: &HeaderMap) -> SpaceliftError {
    let wait = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(parse_retry_after)
        .unwrap_or(DEFAULT_RETRY_AFTER);
    SpaceliftError::RateLimited {
        retry_at: Instant::now() + wait.min(MAX_RETRY_AFTER),
    }
}

/// Reads seconds or a date (RFC 9110, 10.2.3).
fn parse_retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        assert_eq!(parse_retry_after("30"), Some(Duration::from_secs(30)));
        assert_eq!(
            parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT"),
            Some(Duration::ZERO)
        );
        let later = parse_retry_after("Tue, 31 Dec 2999 23:59:59 GMT").unwrap();
        assert!(later > MAX_RETRY_AFTER);
        assert_eq!(parse_retry_after("soon"), None);
    }

    #[test]
    fn the_session_is_marked_sensitive() {
        let value = bearer(&SecretString::from("jwt")).unwrap();
        assert!(value.is_sensitive());
        assert_eq!(bearer(&SecretString::from("a\nb")), None);
    }
}
