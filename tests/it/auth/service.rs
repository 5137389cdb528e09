//! The authenticator by itself, with a clock that can be moved.

use std::{path::Path, sync::Arc};

use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use stagedoor::{
    backstage::{
        auth::{AuthConfig, Authenticator, LimitedAccess, TokenIssuer, Visit},
        discovery::Discovery,
    },
    config::{self, ConfigReader, Layer, Live},
    infra::{
        data_folder::DataFolder,
        database::{Database, DatabaseSettings},
        http_client::HttpClients,
        tasks::Tasks,
    },
};

use crate::support::backstage::{FakeBackstage, fixture_text};

/// The service under test and its knobs.
pub(crate) struct Service {
    pub(crate) authenticator: Authenticator,
    pub(crate) discovery: Live<Discovery>,
}

impl Service {
    /// Starts with the configuration the fixtures were recorded under, plus overlays in YAML.
    pub(crate) async fn start(fake: &FakeBackstage, overlays: &[&str]) -> Self {
        let reader = fixture_config(fake, overlays);
        let config = AuthConfig::read(&reader).unwrap();
        let discovery = Live::new(Discovery::from_config(&reader, &["sample", "other"]).unwrap());
        let http = HttpClients::new(&[]).unwrap();
        let issuer = TokenIssuer::new(&config, database(&reader), Tasks::default());
        let authenticator = Authenticator::new(config, issuer, discovery.clone(), http);
        Self {
            authenticator,
            discovery,
        }
    }

    /// Asks the authenticator itself, with a bearer token.
    pub(crate) async fn bearer(&self, plugin_id: &'static str, token: &str) -> Result<String, String> {
        self.authenticate(plugin_id, &bearer(token), LimitedAccess::Refused)
            .await
    }

    /// The same from this address.
    pub(crate) async fn bearer_from(&self, client: &str, token: &str) -> Result<String, String> {
        let visit = Visit {
            client: Some(client.parse().unwrap()),
            ..visit("sample", LimitedAccess::Refused)
        };
        self.visit(&bearer(token), visit).await
    }

    /// Asks the authenticator itself: who it is, or the sentence of the refusal.
    pub(crate) async fn authenticate(
        &self,
        plugin_id: &'static str,
        headers: &HeaderMap,
        limited: LimitedAccess,
    ) -> Result<String, String> {
        self.visit(headers, visit(plugin_id, limited)).await
    }

    async fn visit(&self, headers: &HeaderMap, visit: Visit) -> Result<String, String> {
        match self.authenticator.authenticate(headers, visit).await {
            Ok(credentials) => Ok(credentials.subject().unwrap_or("none").to_owned()),
            Err(error) => Err(error.message().to_owned()),
        }
    }
}

/// A visit from an address that is not known.
pub(crate) fn visit(plugin_id: &'static str, limited: LimitedAccess) -> Visit {
    Visit {
        plugin_id,
        limited,
        client: None,
    }
}

/// A database nobody needs, since the fixtures' keys are files.
fn database(reader: &ConfigReader) -> Database {
    let settings = DatabaseSettings::read(reader).unwrap();
    let nowhere = Path::new("/nowhere");
    let folder = DataFolder::new(Some(nowhere.into()), nowhere, nowhere.into());
    Database::new(settings, folder, Arc::default(), Tasks::default())
}

/// `Authorization: Bearer <token>`.
pub(crate) fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// The recorded configuration with its places filled in, and the fake as the portal for ids it does not list.
pub(crate) fn fixture_yaml(fake: &FakeBackstage) -> String {
    let keys = format!("{}/tests/fixtures/auth/keys/", env!("CARGO_MANIFEST_DIR"));
    let recorded = fixture_text("app-config.yaml")
        .replace("keys/sample-", &format!("{keys}sample-"))
        .replace("${JWKS_ORIGIN}", &fake.origin)
        .replace("${SAMPLE_PORT}", "7999");
    format!("{recorded}\nstagedoor:\n  upstream: {}\n", fake.origin)
}

/// The recorded configuration under overlays in YAML.
pub(crate) fn fixture_config(fake: &FakeBackstage, overlays: &[&str]) -> ConfigReader {
    let recorded = fixture_yaml(fake);
    let texts = [recorded.as_str()].into_iter().chain(overlays.iter().copied());
    ConfigReader::new(texts.map(layer).collect())
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
