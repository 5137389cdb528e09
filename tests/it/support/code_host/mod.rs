//! GitHub's and GitLab's REST APIs at the wire, each with repositories in memory. A call that it does not know, or one
//! that is not written as the host documents it, fails the test; so does an answer that was planted and never asked for.
//!
//! The shapes follow docs.github.com/en/rest (repos, pulls, git/refs, git/commits, git/trees, "Rate limits",
//! "Using conditional requests") and docs.gitlab.com/api (projects, branches, commits, repositories, repository_files,
//! merge_requests, "Rate limits").

mod github;
mod gitlab;
pub(crate) mod world;

use std::{collections::HashMap, sync::Arc, thread};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use self::world::World;
use super::backstage::spawn;

/// The token of the entry, which both take.
pub(crate) const TOKEN: &str = "canary-entrys-own-token";

/// The token that the App of the fake GitHub is given.
pub(crate) const APP_TOKEN: &str = "canary-apps-own-token";

/// Which API it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    GitHub,
    GitLab,
}

/// An answer that was planted.
#[derive(Debug, Clone)]
pub(crate) enum Planted {
    /// A status, headers, a body.
    Raw(u16, Vec<(&'static str, String)>, Value),
    /// A page of some proxy.
    Page(u16),
    /// None.
    Hang,
}

type Happening = Box<dyn FnOnce(&mut World) + Send>;

/// The fake and what happened to it.
pub(crate) struct FakeCodeHost {
    pub(crate) kind: Kind,
    origin: String,
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    kind: Kind,
    worlds: Mutex<HashMap<String, World>>,
    planted: Mutex<HashMap<String, Vec<Planted>>>,
    happenings: Mutex<Vec<(String, Happening)>>,
    /// Tokens that are taken, beside [`TOKEN`].
    tokens: Mutex<Vec<String>>,
    calls: Mutex<Vec<String>>,
    surprises: Mutex<Vec<String>>,
}

/// One request as it came.
pub(super) struct Call {
    method: String,
    /// Decoded parts.
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Value,
}

/// An answer.
pub(super) struct Reply(u16, Value);

impl FakeCodeHost {
    pub(crate) async fn start(kind: Kind) -> Self {
        let shared = Arc::new(Shared {
            kind,
            worlds: Mutex::default(),
            planted: Mutex::default(),
            happenings: Mutex::default(),
            tokens: Mutex::default(),
            calls: Mutex::default(),
            surprises: Mutex::default(),
        });
        let app = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let origin = spawn(app).await;
        Self { kind, origin, shared }
    }

    /// What `apiBaseUrl` must be.
    pub(crate) fn url(&self) -> String {
        match self.kind {
            Kind::GitHub => self.origin.clone(),
            Kind::GitLab => format!("{}/api/v4", self.origin),
        }
    }

    /// Puts a repository there, such as `acme/requests`.
    pub(crate) fn hold(&self, repository: &str, world: World) -> &Self {
        self.shared.worlds.lock().insert(repository.to_owned(), world);
        self
    }

    /// Takes a further token.
    pub(crate) fn take(&self, token: &str) -> &Self {
        self.shared.tokens.lock().push(token.to_owned());
        self
    }

    /// Looks at a repository or changes it.
    pub(crate) fn world<T>(&self, repository: &str, look: impl FnOnce(&mut World) -> T) -> T {
        look(self.shared.worlds.lock().get_mut(repository).unwrap())
    }

    /// Plants answers to the next calls of this, such as `GET /repos/acme/requests/pulls`.
    pub(crate) fn plant(&self, call: &str, answers: &[Planted]) -> &Self {
        let mut planted = self.shared.planted.lock();
        planted
            .entry(call.to_owned())
            .or_default()
            .extend(answers.iter().cloned());
        drop(planted);
        self
    }

    /// Lets something happen to the repository just before the next call that begins so is answered.
    pub(crate) fn before(&self, call: &str, happening: impl FnOnce(&mut World) + Send + 'static) -> &Self {
        let happening: Happening = Box::new(happening);
        self.shared.happenings.lock().push((call.to_owned(), happening));
        self
    }

    /// Every call so far with its parameters, such as `GET /repos/acme/requests/pulls?state=open`; ` 304` behind those
    /// that were answered so.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.shared.calls.lock().clone()
    }

    /// How many calls begin so.
    pub(crate) fn count(&self, begins: &str) -> usize {
        self.calls()
            .iter()
            .filter(|call| call.starts_with(begins))
            .count()
    }
}

impl Drop for FakeCodeHost {
    fn drop(&mut self) {
        if !thread::panicking() {
            let surprises = self.shared.surprises.lock();
            assert_eq!(*surprises, Vec::<String>::new(), "calls that nobody expected");
            let left: Vec<_> = self.shared.planted.lock().values().flatten().cloned().collect();
            assert!(left.is_empty(), "planted and never asked for: {left:?}");
            assert!(
                self.shared.happenings.lock().is_empty(),
                "something never happened"
            );
        }
    }
}

/// A refusal in the words of the host.
pub(crate) fn refusal(status: u16, headers: &[(&'static str, &str)], words: &str) -> Planted {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Planted::Raw(status, headers.collect(), json!({ "message": words }))
}

impl Shared {
    fn surprise(&self, what: String) -> Reply {
        self.surprises.lock().push(what);
        Reply(500, json!({ "message": "unexpected call" }))
    }

    /// What is wrong with how the call is written.
    fn check(&self, line: &str, headers: &HeaderMap) {
        let accept = match self.kind {
            Kind::GitHub => "application/vnd.github+json",
            Kind::GitLab => "application/json",
        };
        let mut wanted = vec![("accept", accept)];
        if self.kind == Kind::GitHub {
            wanted.push(("x-github-api-version", "2022-11-28"));
        }
        for (name, wanted) in wanted {
            if headers.get(name).is_none_or(|value| value != wanted) {
                self.surprise(format!("{line} without {name}: {wanted}"));
            }
        }
        if !headers.contains_key(header::USER_AGENT) {
            self.surprise(format!("{line} without a user agent"));
        }
    }

    /// An App shows its own signature to the endpoints for Apps, which the fake of those looks at more closely.
    fn knows(&self, headers: &HeaderMap, call: &Call) -> bool {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let shown = shown
            .and_then(|shown| shown.strip_prefix("Bearer "))
            .unwrap_or_default();
        if self.kind == Kind::GitHub && ["orgs", "app"].contains(&call.path[0].as_str()) {
            return shown.split('.').count() == 3;
        }
        shown == TOKEN || self.tokens.lock().iter().any(|token| token == shown)
    }

    fn happen(&self, line: &str) {
        let mut happenings = self.happenings.lock();
        while let Some(at) = happenings
            .iter()
            .position(|(begins, _)| line.starts_with(begins.as_str()))
        {
            let (_, happening) = happenings.remove(at);
            if let Some(world) = self.worlds.lock().values_mut().next() {
                happening(world);
            }
        }
    }

    fn next_planted(&self, key: &str) -> Option<Planted> {
        let mut planted = self.planted.lock();
        let queue = planted.get_mut(key).filter(|queue| !queue.is_empty())?;
        Some(queue.remove(0))
    }

    fn well(&self, call: &Call) -> Reply {
        let answer = match self.kind {
            Kind::GitHub => github::answer(&mut self.worlds.lock(), call),
            Kind::GitLab => gitlab::answer(&mut self.worlds.lock(), call),
        };
        answer.unwrap_or_else(|| {
            self.surprise(format!("{} /{} {}", call.method, call.path.join("/"), call.body))
        })
    }
}

impl Call {
    /// A parameter that is there once.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(each, _)| each == name);
        let value = values.next().map(|(_, value)| value.as_str());
        value.filter(|_| values.next().is_none())
    }

    /// The names of all parameters, each once.
    fn parameters(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names
    }

    /// A text of the body.
    fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the body has these fields and no others.
    fn has_only(&self, fields: &[&str]) -> bool {
        let given = self.body.as_object();
        given.is_some_and(|given| given.keys().all(|field| fields.contains(&field.as_str())))
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    let path: Vec<String> = parts
        .uri
        .path()
        .trim_start_matches('/')
        .split('/')
        .map(decode)
        .collect();
    let query = parts.uri.query().unwrap_or_default();
    let key = format!("{} {}", parts.method, parts.uri.path());
    let line = if query.is_empty() {
        key.clone()
    } else {
        format!("{key}?{query}")
    };
    shared.check(&line, &parts.headers);
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let call = Call {
        method: parts.method.to_string(),
        path,
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    shared.calls.lock().push(line.clone());
    match shared.next_planted(&key) {
        Some(Planted::Hang) => std::future::pending().await,
        Some(Planted::Page(status)) => (code(status), "<html>sign in</html>").into_response(),
        Some(Planted::Raw(status, headers, body)) => {
            let mut response = (code(status), axum::Json(body)).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        None if !shared.knows(&parts.headers, &call) => {
            let refused = json!({ "message": "Bad credentials" });
            (StatusCode::UNAUTHORIZED, axum::Json(refused)).into_response()
        }
        None => {
            shared.happen(&line);
            tagged(&shared, &parts.headers, shared.well(&call))
        }
    }
}

/// Both hosts tag what they give and know it again.
fn tagged(shared: &Shared, headers: &HeaderMap, Reply(status, body): Reply) -> Response {
    let tag = format!("W/\"{}\"", hex::encode(Sha1::digest(body.to_string())));
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == &tag)
    {
        if let Some(line) = shared.calls.lock().last_mut() {
            line.push_str(" 304");
        }
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    match status {
        204 => StatusCode::NO_CONTENT.into_response(),
        status => (code(status), [(header::ETAG, tag)], axum::Json(body)).into_response(),
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}
