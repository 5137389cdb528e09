//! The portal's permission backend: it lets in only plugin tokens that carry a user, and decides by a list of denials.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Json, State},
    response::{IntoResponse, Response},
    routing,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::backstage::{Signer, spawn};

/// One question it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The plugin that asked.
    pub(crate) plugin: String,
    /// For whom.
    pub(crate) user: String,
    /// Which permissions, in order, with their actions.
    pub(crate) permissions: Vec<(String, String)>,
}

/// How it answers instead of deciding.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// With this status and nothing.
    Status(u16),
    /// With 200 and these bytes.
    Text(String),
    /// With 200 and what this makes of the ids it was asked about.
    Lie(fn(&[String]) -> Value),
    /// With 200 and the beginning of an allowance; then the connection ends.
    Cut,
    /// The same, and then nothing more.
    Stall,
    /// Never.
    Hang,
}

/// A permission backend on loopback.
pub(crate) struct FakePolicy {
    origin: String,
    state: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Where the plugin that asks publishes its keys.
    asker: Mutex<String>,
    denied: Mutex<HashSet<(String, String)>>,
    questions: Mutex<Vec<Question>>,
    trouble: Mutex<Option<Trouble>>,
    /// The last token it was shown.
    token: Mutex<Option<String>>,
}

impl FakePolicy {
    /// Starts with everything allowed to everybody.
    pub(crate) async fn start() -> Self {
        let state = Arc::<Shared>::default();
        let router = Router::new()
            .route("/api/permission/authorize", routing::post(authorize))
            .with_state(Arc::clone(&state));
        Self {
            origin: spawn(router).await,
            state,
        }
    }

    /// One that is down.
    pub(crate) fn down() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            origin: format!("http://{}", free.local_addr().unwrap()),
            state: Arc::default(),
        }
    }

    /// The section that leads to it, with permissions switched on.
    pub(crate) fn section(&self) -> String {
        format!(
            "permission: {{ enabled: true }}\ndiscovery:\n  endpoints:\n    - target: {}/api/permission\n      plugins: \
             [permission]\n",
            self.origin
        )
    }

    /// Believes the keys published there, such as `http://127.0.0.1:7008`.
    pub(crate) fn believe(&self, base: &str) {
        base.clone_into(&mut self.state.asker.lock());
    }

    /// Denies a user a permission.
    pub(crate) fn deny(&self, user: &str, permission: &str) {
        let denied = (user.to_owned(), permission.to_owned());
        self.state.denied.lock().insert(denied);
    }

    /// Allows everything again.
    pub(crate) fn allow_all(&self) {
        self.state.denied.lock().clear();
    }

    /// Answers so from now on; `None` means that it decides again.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        *self.state.trouble.lock() = trouble;
    }

    /// What it was asked since the last time somebody wanted to know.
    pub(crate) fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut *self.state.questions.lock())
    }

    /// The last token it was shown.
    pub(crate) fn token(&self) -> String {
        self.state.token.lock().clone().unwrap()
    }

    /// The claims of the last token it was shown.
    pub(crate) fn claims(&self) -> Value {
        payload(&self.token())
    }
}

async fn authorize(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let trouble = shared.trouble.lock().clone();
    let Some((plugin, user)) = caller(&shared, &headers).await else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let items = body["items"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let permissions = items.iter().map(|item| {
        let permission = &item["permission"];
        assert_eq!(permission["type"], "basic", "{body}");
        (
            text(&permission["name"]),
            text(&permission["attributes"]["action"]),
        )
    });
    let question = Question {
        plugin,
        user: user.clone(),
        permissions: permissions.collect(),
    };
    shared.questions.lock().push(question);
    let ids: Vec<String> = items.iter().map(|item| text(&item["id"])).collect();
    match trouble {
        None => {}
        Some(Trouble::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Trouble::Text(text)) => return text.into_response(),
        Some(Trouble::Lie(lie)) => return Json(lie(&ids)).into_response(),
        Some(Trouble::Cut) => return begun(&ids, stream::iter([Err(std::io::ErrorKind::BrokenPipe.into())])),
        Some(Trouble::Stall) => return begun(&ids, stream::pending()),
        Some(Trouble::Hang) => std::future::pending().await,
    }
    let denied = shared.denied.lock();
    let verdicts = items.iter().map(|item| {
        let name = text(&item["permission"]["name"]);
        let denied = denied.contains(&(user.clone(), name));
        json!({ "id": item["id"], "result": if denied { "DENY" } else { "ALLOW" } })
    });
    Json(json!({ "items": verdicts.collect::<Vec<_>>() })).into_response()
}

/// All of an allowance but its last byte, and what comes then.
fn begun(ids: &[String], then: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static) -> Response {
    let whole = json!({ "items": [{ "id": ids.first(), "result": "ALLOW" }] }).to_string();
    let most = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() - 1]);
    Body::from_stream(stream::iter([Ok(most)]).chain(then)).into_response()
}

/// The plugin and the user, if the token is one that Backstage would take: of a plugin, for us, in a user's name.
async fn caller(shared: &Shared, headers: &HeaderMap) -> Option<(String, String)> {
    let token = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")?;
    *shared.token.lock() = Some(token.to_owned());
    let head = decode_header(token).ok()?;
    assert_eq!(head.typ.as_deref(), Some("vnd.backstage.plugin"));
    assert_eq!(head.alg, Algorithm::ES256);
    let plugin = payload(token)["sub"].as_str()?.to_owned();
    let keys = format!(
        "{}/api/{plugin}/.backstage/auth/v1/jwks.json",
        shared.asker.lock()
    );
    let keys: JwkSet = reqwest::get(keys).await.ok()?.json().await.ok()?;
    let key = DecodingKey::from_jwk(keys.find(&head.kid?)?).ok()?;
    let mut checks = Validation::new(Algorithm::ES256);
    checks.set_audience(&["permission"]);
    let claims = decode::<Value>(token, &key, &checks).ok()?.claims;
    let user = claims["obo"].as_str()?.to_owned();
    let published = serde_json::from_value(Signer::fixture("user1").published()).unwrap();
    let key = DecodingKey::from_jwk(&published).ok()?;
    let user = decode::<Value>(&user, &key, &Validation::new(Algorithm::ES256)).ok()?;
    assert_eq!(user.header.typ.as_deref(), Some("vnd.backstage.limited-user"));
    Some((plugin, user.claims["sub"].as_str()?.to_owned()))
}

/// The claims of a token nobody has verified.
fn payload(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
