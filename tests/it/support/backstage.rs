//! The portal's other backends as the door sees them: served key documents, counted fetches, minted tokens.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What a path answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// 200 with JSON.
    Document(Value),
    /// 200 with the JSON of the token that came, 401 for any other.
    ByToken(Arc<HashMap<String, Value>>),
    /// 200 with these bytes.
    Text(String),
    /// A status without a body.
    Status(u16),
    /// A redirect to the address.
    Redirect(String),
    /// Never.
    Hang,
}

/// A loopback server for key documents; a path that was not set up answers 404.
#[derive(Clone)]
pub(crate) struct FakeBackstage {
    pub(crate) origin: String,
    paths: Arc<Mutex<Paths>>,
}

#[derive(Default)]
struct Paths {
    answers: HashMap<String, Answer>,
    fetches: HashMap<String, usize>,
    /// The last `Authorization` each path was asked with.
    credentials: HashMap<String, String>,
    /// The last body each path was sent.
    bodies: HashMap<String, String>,
}

impl FakeBackstage {
    /// Starts with no documents at all.
    pub(crate) async fn empty() -> Self {
        let paths = Arc::<Mutex<Paths>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&paths));
        let origin = spawn(app).await;
        Self { origin, paths }
    }

    /// Starts with the documents of `tests/fixtures/auth/jwks`, where its README says they are.
    pub(crate) async fn with_fixtures() -> Self {
        let fake = Self::empty().await;
        for (file, path) in [
            ("auth", AUTH_KEYS.to_owned()),
            ("catalog", plugin_keys("catalog")),
            ("scaffolder", plugin_keys("scaffolder")),
            ("idp", "/idp/jwks.json".to_owned()),
            ("idp-open", "/idp-open/jwks.json".to_owned()),
        ] {
            fake.serve(&path, Answer::Document(fixture(&format!("jwks/{file}.json"))));
        }
        fake.serve(&plugin_keys("broken"), Answer::Status(500));
        fake.serve(&plugin_keys("nokeys"), Answer::Document(json!({})));
        fake
    }

    /// Sets what the path answers from now on.
    pub(crate) fn serve(&self, path: &str, answer: Answer) {
        self.paths.lock().answers.insert(path.to_owned(), answer);
    }

    /// How often the path was asked for.
    pub(crate) fn fetches(&self, path: &str) -> usize {
        self.paths.lock().fetches.get(path).copied().unwrap_or_default()
    }

    /// The `Authorization` the path was last asked with.
    pub(crate) fn credentials(&self, path: &str) -> Option<String> {
        self.paths.lock().credentials.get(path).cloned()
    }

    /// The body the path was last sent.
    pub(crate) fn body(&self, path: &str) -> Option<String> {
        self.paths.lock().bodies.get(path).cloned()
    }

    /// How often anything was asked for.
    pub(crate) fn all_fetches(&self) -> usize {
        self.paths.lock().fetches.values().sum()
    }
}

/// Where the auth backend publishes the keys of user tokens.
pub(crate) const AUTH_KEYS: &str = "/api/auth/.well-known/jwks.json";

/// Where a plugin publishes its keys.
pub(crate) fn plugin_keys(plugin_id: &str) -> String {
    format!("/api/{plugin_id}/.backstage/auth/v1/jwks.json")
}

async fn answer(State(paths): State<Arc<Mutex<Paths>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let sent = request.headers().get(header::AUTHORIZATION);
    let sent = sent.map(|sent| String::from_utf8_lossy(sent.as_bytes()).into_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let answer = {
        let mut paths = paths.lock();
        let body = String::from_utf8_lossy(&body).into_owned();
        paths.bodies.insert(path.clone(), body);
        *paths.fetches.entry(path.clone()).or_default() += 1;
        if let Some(sent) = &sent {
            paths.credentials.insert(path.clone(), sent.clone());
        }
        paths.answers.get(&path).cloned().unwrap_or(Answer::Status(404))
    };
    match answer {
        Answer::Document(document) => axum::Json(document).into_response(),
        Answer::ByToken(documents) => {
            let token = sent.as_deref().and_then(|sent| sent.strip_prefix("Bearer "));
            match token.and_then(|token| documents.get(token)) {
                Some(document) => axum::Json(document).into_response(),
                None => StatusCode::UNAUTHORIZED.into_response(),
            }
        }
        Answer::Text(text) => text.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Answer::Hang => std::future::pending().await,
    }
}

/// Serves the router on a free loopback port until the test ends; returns its origin.
pub(crate) async fn spawn(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    stagedoor::infra::tasks::Tasks::default().spawn(async move { axum::serve(listener, app).await.unwrap() });
    origin
}

/// Reads a JSON file of `tests/fixtures/auth`.
pub(crate) fn fixture(name: &str) -> Value {
    serde_json::from_str(&fixture_text(name)).unwrap()
}

/// Reads a file of `tests/fixtures/auth`.
pub(crate) fn fixture_text(name: &str) -> String {
    let path = format!("{}/tests/fixtures/auth/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// An ES256 key of the fixtures (`user1`, `catalog`, …) that signs more tokens.
pub(crate) struct Signer {
    jwk: Value,
    key: EncodingKey,
}

impl Signer {
    /// Takes the key out of `keys/private-test-only.json`.
    pub(crate) fn fixture(name: &str) -> Self {
        let jwk = fixture("keys/private-test-only.json")[name].clone();
        let key = EncodingKey::from_ec_der(&pkcs8(&jwk));
        Self { jwk, key }
    }

    /// The key as its owner publishes it.
    pub(crate) fn published(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk.as_object_mut().unwrap().shift_remove("d");
        jwk
    }

    /// Signs a token with the key's own id.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        self.sign_as(self.jwk["kid"].as_str().unwrap(), typ, claims)
    }

    /// Signs a token under another key id.
    pub(crate) fn sign_as(&self, kid: &str, typ: &str, claims: &Value) -> String {
        let header = json!({ "typ": typ, "alg": "ES256", "kid": kid });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }

    /// A full user token, with the signature of the limited one, as the auth backend issues them.
    pub(crate) fn user(&self, sub: &str, exp: i64) -> String {
        let limited = self.limited_user(sub, exp);
        let mut claims = user_claims(sub, exp);
        claims["uip"] = limited.rsplit_once('.').unwrap().1.into();
        self.sign("vnd.backstage.user", &claims)
    }

    /// A limited user token.
    pub(crate) fn limited_user(&self, sub: &str, exp: i64) -> String {
        let claims = json!({ "sub": sub, "iat": 1, "exp": exp });
        self.sign("vnd.backstage.limited-user", &claims)
    }

    /// A plugin token, without a user.
    pub(crate) fn plugin(&self, sub: &str, aud: &str) -> String {
        let claims = json!({ "sub": sub, "aud": aud, "iat": 1, "exp": FAR });
        self.sign("vnd.backstage.plugin", &claims)
    }
}

/// The year 2100, when what should be valid ends.
pub(crate) const FAR: i64 = 4_102_444_800;

/// The claims of a user token.
pub(crate) fn user_claims(sub: &str, exp: i64) -> Value {
    json!({ "sub": sub, "aud": "backstage", "iat": 1, "exp": exp })
}

/// Wraps the numbers of a P-256 JWK into PKCS#8, the only form the signing library takes.
fn pkcs8(jwk: &Value) -> Vec<u8> {
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let head = hex::decode("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420");
    let middle = hex::decode("a14403420004");
    [
        head.unwrap(),
        number("d"),
        middle.unwrap(),
        number("x"),
        number("y"),
    ]
    .concat()
}
