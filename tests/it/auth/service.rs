//! The plugin `sample` of the fixtures behind the real door, on a real socket.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::Response as Answered;
use serde_json::{Value, json};
use stagedoor::{
    backstage::{
        auth::{
            Allow, AuthConfig, AuthPolicy, Authenticator, CookieUserCredentials, Credentials, LimitedAccess,
            PluginDoor, Principal, ServiceCredentials, ServicePrincipal, UserCredentials, admit,
        },
        discovery::Discovery,
        error::{BackstageError, RequestLine, envelope},
    },
    config::{self, ConfigReader, Layer, Live},
    infra::{http_client::HttpClients, tasks::Tasks},
};

use crate::support::backstage::{FakeBackstage, fixture_text, spawn};

/// The service under test and its knobs.
pub(crate) struct Service {
    pub(crate) origin: String,
    pub(crate) http: HttpClients,
    pub(crate) authenticator: Authenticator,
    pub(crate) discovery: Live<Discovery>,
}

impl Service {
    /// Starts with the configuration the fixtures were recorded under, plus overlays in YAML.
    pub(crate) async fn start(fake: &FakeBackstage, overlays: &[&str]) -> Self {
        let reader = fixture_config(fake, overlays);
        let config = AuthConfig::read(&reader).unwrap();
        let default_policy_disabled = config.default_policy_disabled;
        let discovery = Live::new(Discovery::from_config(&reader, &["sample", "other"]).unwrap());
        let http = HttpClients::new(&[]).unwrap();
        let authenticator = Authenticator::new(config, discovery.clone(), http.clone(), Tasks::default());
        let door = PluginDoor {
            authenticator: authenticator.clone(),
            plugin_id: "sample",
            policies: vec![
                AuthPolicy {
                    path: "/cookie",
                    allow: Allow::UserCookie,
                },
                AuthPolicy {
                    path: "/open",
                    allow: Allow::Unauthenticated,
                },
            ],
            default_policy_disabled,
        };
        let routes = routes().layer(middleware::from_fn_with_state(Arc::new(door), guard));
        let origin = spawn(Router::new().nest("/api/sample", routes)).await;
        Self {
            origin,
            http,
            authenticator,
            discovery,
        }
    }

    /// Calls a route of the plugin.
    pub(crate) async fn call(&self, method: Method, route: &str, headers: HeaderMap) -> Answered {
        let url = format!("{}/api/sample{route}", self.origin).parse().unwrap();
        let client = self.http.for_url(&url);
        client.request(method, url).headers(headers).send().await.unwrap()
    }

    /// Asks the authenticator itself, with a bearer token.
    pub(crate) async fn bearer(&self, plugin_id: &'static str, token: &str) -> Result<String, String> {
        self.authenticate(plugin_id, &bearer(token), LimitedAccess::Refused)
            .await
    }

    /// Asks the authenticator itself: who it is, or the sentence of the refusal.
    pub(crate) async fn authenticate(
        &self,
        plugin_id: &'static str,
        headers: &HeaderMap,
        limited: LimitedAccess,
    ) -> Result<String, String> {
        match self.authenticator.authenticate(plugin_id, headers, limited).await {
            Ok(credentials) => Ok(credentials.subject().unwrap_or("none").to_owned()),
            Err(error) => Err(error.message().to_owned()),
        }
    }
}

/// `Authorization: Bearer <token>`.
pub(crate) fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// The recorded configuration. Ids it does not list belong to the portal, which the fake stands for.
pub(crate) fn fixture_config(fake: &FakeBackstage, overlays: &[&str]) -> ConfigReader {
    let keys = format!("{}/tests/fixtures/auth/keys/", env!("CARGO_MANIFEST_DIR"));
    let recorded = fixture_text("app-config.yaml").replace("keys/sample-", &format!("{keys}sample-"));
    let portal = "stagedoor:\n  upstream: ${JWKS_ORIGIN}\n";
    let texts = [recorded.as_str(), portal]
        .into_iter()
        .chain(overlays.iter().copied());
    let layers = texts.map(|text| {
        let text = text
            .replace("${JWKS_ORIGIN}", &fake.origin)
            .replace("${SAMPLE_PORT}", "7999");
        layer(&text)
    });
    ConfigReader::new(layers.collect())
}

/// A configuration from one YAML text.
pub(crate) fn reader(yaml: &str) -> ConfigReader {
    ConfigReader::new(vec![layer(yaml)])
}

fn layer(yaml: &str) -> Layer {
    let json: Value = serde_saphyr::from_str(yaml).unwrap();
    let config::Value::Object(data) = convert(&json) else {
        panic!("a configuration is a mapping");
    };
    Layer {
        context: "app-config.yaml".to_owned(),
        data,
    }
}

fn convert(json: &Value) -> config::Value {
    match json {
        Value::Null => config::Value::Null,
        Value::Bool(flag) => config::Value::Bool(*flag),
        Value::Number(number) => config::Value::Number(number.as_f64().unwrap()),
        Value::String(text) => config::Value::String(text.clone()),
        Value::Array(items) => config::Value::Array(items.iter().map(convert).collect()),
        Value::Object(object) => config::Value::Object(
            object
                .iter()
                .map(|(key, value)| (key.clone(), convert(value)))
                .collect(),
        ),
    }
}

async fn guard(State(door): State<Arc<PluginDoor>>, mut request: Request<Body>, next: Next) -> Response {
    let line = RequestLine {
        method: request.method().to_string(),
        url: request.uri().to_string(),
    };
    let response = match admit(&door, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    match response.extensions().get::<BackstageError>() {
        Some(error) => (response.status(), Json(envelope(error, &line))).into_response(),
        None => response,
    }
}

/// The routes of `expected.json`.
fn routes() -> Router {
    Router::new()
        .route("/default", get(|who: Credentials| async move { seen(&who) }))
        .route(
            "/user-only",
            get(|UserCredentials(who): UserCredentials| async move { seen(&who) }),
        )
        .route(
            "/service-only",
            get(|ServiceCredentials(who): ServiceCredentials| async move { seen(&who) }),
        )
        .route(
            "/cookie/strict",
            get(|who: Credentials| async move { seen(&who) }),
        )
        .route(
            "/cookie/user",
            get(|CookieUserCredentials(who): CookieUserCredentials| async move { seen(&who) }),
        )
        .route("/open/blind", get(|| async { Json(json!({ "ok": true })) }))
        .route(
            "/open/optional",
            get(|who: Credentials| async move { seen(&who) }),
        )
        .fallback(|| async { StatusCode::NOT_FOUND })
}

/// The body the recorded routes answer.
fn seen(who: &Credentials) -> Json<Value> {
    let mut body = json!({ "principal": principal(who) });
    if let Some(seconds) = who.expires_at() {
        let expiry = jiff::Timestamp::from_second(seconds).unwrap();
        body["expiresAt"] = expiry.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into();
    }
    Json(body)
}

fn principal(who: &Credentials) -> Value {
    match who.principal() {
        Principal::None => json!({ "type": "none" }),
        Principal::Service(service) => service_json(service),
        Principal::User(user) => {
            let mut json = json!({ "type": "user", "userEntityRef": user.user_entity_ref });
            if let Some(actor) = &user.actor {
                json["actor"] = service_json(actor);
            }
            json
        }
    }
}

fn service_json(service: &ServicePrincipal) -> Value {
    let mut json = json!({ "type": "service", "subject": service.subject });
    if let Some(restrictions) = &service.access_restrictions {
        let mut allowed = json!({});
        if let Some(names) = &restrictions.permission_names {
            allowed["permissionNames"] = json!(names);
        }
        if let Some(attributes) = &restrictions.permission_attributes {
            allowed["permissionAttributes"] = json!(attributes);
        }
        json["accessRestrictions"] = allowed;
    }
    json
}
