//! Reads the fields of the one cluster that matters; those of others are Backstage's business.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use url::Url;

use super::{
    AuthProvider, ConfiguredCluster,
    problems::{Problems, invalid},
};
use crate::{
    config::{ConfigError, ConfigReader, Value},
    infra::{
        http_client::{check_authorities, is_loopback},
        kubernetes::Trust,
    },
};

/// Keys of `authMetadata`, which win over the fields of a shorter name (Backstage Kubernetes backend).
const METADATA_PROVIDER: &str = "kubernetes.io/auth-provider";
const METADATA_TOKEN_PROVIDER: &str = "kubernetes.io/oidc-token-provider";
const METADATA_TOKEN: &str = "serviceAccountToken";

/// Returns a string, and says of a missing one which variable would have held it.
pub(super) fn required(fields: &ConfigReader, key: &str) -> Result<String, ConfigError> {
    match fields.dropped_variable(key) {
        Some(variable) => Err(invalid(
            &fields.full_key(key),
            &format!("is missing because the environment variable {variable} is not set"),
        )),
        None => fields.string(key),
    }
}

/// Reads all fields; `None` when something is wrong with them.
pub(super) fn read(
    name: String,
    fields: &ConfigReader,
    problems: &mut Problems,
) -> Option<ConfiguredCluster> {
    let url = problems.of(url(fields));
    let provider = problems.of(provider(fields));
    let token = problems.of(token(fields));
    let skip = problems.of(fields.optional_boolean("skipTLSVerify"));
    let authorities = problems.of(authorities(fields));
    for key in ["serviceAccountToken", "caFile", "caData"] {
        notice_dropped(fields, key, problems);
    }
    let key = fields.full_key("");
    let trust = match (skip?.unwrap_or(false), authorities?) {
        (true, _) => {
            problems.notice(format!(
                "{key}.skipTLSVerify is true: whoever answers at its address gets the tokens sent to cluster '{name}'; \
                 set caFile or caData instead"
            ));
            Trust::Anything
        }
        (false, Some(pem)) => Trust::Authorities(pem),
        (false, None) => Trust::System,
    };
    Some(ConfiguredCluster {
        name,
        url: url?,
        provider: provider?,
        token: token?,
        trust,
        key,
    })
}

/// Reads the API server's address. Tokens travel to it, so it must be https.
fn url(fields: &ConfigReader) -> Result<Url, ConfigError> {
    let key = fields.full_key("url");
    let url = Url::parse(&required(fields, "url")?).map_err(|_| invalid(&key, "is not a URL"))?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !safe {
        return Err(invalid(
            &key,
            "must use https; plain http is accepted only for this machine itself",
        ));
    }
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(
            &key,
            "must not carry a user name, a password, a query or a fragment",
        ));
    }
    Ok(url)
}

fn provider(fields: &ConfigReader) -> Result<AuthProvider, ConfigError> {
    let name = match metadata(fields, METADATA_PROVIDER)? {
        Some(name) => Some(name),
        None => fields.optional_string("authProvider")?,
    };
    let key = fields.full_key("authProvider");
    match name.as_deref() {
        Some("serviceAccount") => Ok(AuthProvider::ServiceAccount),
        Some("oidc") => token_provider(fields).map(|token_provider| AuthProvider::Oidc { token_provider }),
        Some("localKubectlProxy") => Ok(AuthProvider::LocalKubectlProxy),
        Some(other) => Err(invalid(
            &key,
            &format!("is '{other}', which is not supported; use serviceAccount, oidc or localKubectlProxy"),
        )),
        None => Err(invalid(
            &key,
            "is missing; use serviceAccount, oidc or localKubectlProxy",
        )),
    }
}

fn token_provider(fields: &ConfigReader) -> Result<String, ConfigError> {
    let given = match metadata(fields, METADATA_TOKEN_PROVIDER)? {
        Some(name) => Some(name),
        None => fields.optional_string("oidcTokenProvider")?,
    };
    given.ok_or_else(|| {
        let key = fields.full_key("oidcTokenProvider");
        invalid(
            &key,
            "is missing; name the sign-in provider whose tokens the cluster trusts",
        )
    })
}

fn token(fields: &ConfigReader) -> Result<Option<SecretString>, ConfigError> {
    match metadata(fields, METADATA_TOKEN)? {
        Some(token) => Ok(Some(SecretString::from(token))),
        None => fields.optional_secret("serviceAccountToken"),
    }
}

/// Returns a text of `authMetadata`, whose keys are not such as the getters accept.
fn metadata(fields: &ConfigReader, key: &str) -> Result<Option<String>, ConfigError> {
    let Some(Value::Object(entries)) = fields.get("authMetadata")? else {
        return Ok(None);
    };
    match entries.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => {
            let key = format!("{}['{key}']", fields.full_key("authMetadata"));
            Err(invalid(&key, "must be text, and not empty"))
        }
    }
}

/// Returns the certificate authorities in PEM; the file wins.
fn authorities(fields: &ConfigReader) -> Result<Option<Vec<u8>>, ConfigError> {
    let (key, pem) = match fields.optional_string("caFile")? {
        Some(path) => (fields.full_key("caFile"), Some(read_file(fields, &path)?)),
        None => (fields.full_key("caData"), decoded(fields)?),
    };
    if let Some(pem) = &pem {
        check_authorities(pem)
            .map_err(|problem| invalid(&key, &format!("names or holds a PEM text that {problem}")))?;
    }
    Ok(pem)
}

fn read_file(fields: &ConfigReader, path: &str) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| {
        let what = format!("names a file that cannot be read ({})", error.kind());
        invalid(&fields.full_key("caFile"), &what)
    })
}

fn decoded(fields: &ConfigReader) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(mut text) = fields.optional_string("caData")? else {
        return Ok(None);
    };
    text.retain(|c| !c.is_ascii_whitespace());
    let pem = STANDARD.decode(text).map_err(|_| {
        let what = "is not base64; the base64 of a PEM text is expected, as in a kubeconfig's \
                    certificate-authority-data";
        invalid(&fields.full_key("caData"), what)
    })?;
    Ok(Some(pem))
}

fn notice_dropped(fields: &ConfigReader, key: &str, problems: &mut Problems) {
    let Some(variable) = fields.dropped_variable(key) else {
        return;
    };
    let instead = match key {
        "serviceAccountToken" => "the pod's own service account is used instead, if there is one",
        _ => "the cluster's certificate is checked without it",
    };
    problems.notice(format!(
        "{} is left out because the environment variable {variable} is not set; {instead}",
        fields.full_key(key)
    ));
}
