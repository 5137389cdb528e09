//! The plugin's settings: `spacelift` as the Node plugin documents it, and what we add below `stagedoor.spacelift`.

use std::{fs, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    backstage::write_callers::WriteCallers,
    config::{ConfigError, ConfigReader, Problems},
    infra::http_client::{
        ClientCertificate as PemCertificate, ClientError, HttpClients, Trust, keeps_secrets,
    },
};

/// How old the stack list may get: half of the frontend's polling interval.
const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(5);

/// How long Spacelift may take; a list of a large account needs seconds, and no person waits longer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// Everything the plugin reads from app-config.
#[derive(Debug, Clone)]
pub(in crate::plugins) struct Config {
    /// `spacelift.hostUrl`: where people find the account; links are made from it.
    pub(super) host: Url,
    /// Where the API answers: `stagedoor.spacelift.endpoint`, else `/graphql` on the host.
    pub(super) endpoint: Url,
    /// `spacelift.apiKey` and `spacelift.apiSecret`.
    pub(super) credential: Arc<Credential>,
    /// `spacelift.readOnly`: refuse every trigger.
    pub(super) read_only: bool,
    /// `stagedoor.spacelift.cacheTtl`: the age at which the stack list is fetched again; zero keeps none.
    pub(super) cache_ttl: Duration,
    /// `stagedoor.spacelift.timeout`: one exchange with Spacelift, from connecting to the last byte.
    pub(super) timeout: Duration,
    /// `stagedoor.spacelift.clientCertificate`.
    pub(super) client_certificate: Option<ClientCertificate>,
    /// `stagedoor.actions.writeCallers`, for routes of our own that write.
    pub(super) write_callers: WriteCallers,
}

/// An API key, or for an OIDC key an identity token as the secret.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) key: SecretString,
    pub(super) secret: SecretString,
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.key.expose_secret() == other.key.expose_secret()
            && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// What we show to a Spacelift that asks for mutual TLS.
#[derive(Debug, Clone)]
pub(super) struct ClientCertificate {
    /// The chain, in PEM.
    pub(super) chain: Vec<u8>,
    /// The private key, in PEM.
    pub(super) key: SecretString,
}

impl ClientCertificate {
    /// Returns a client that shows this certificate to the endpoint.
    pub(super) fn client_for(
        &self,
        http: &HttpClients,
        endpoint: &Url,
    ) -> Result<reqwest::Client, ClientError> {
        let certificate = PemCertificate {
            chain: &self.chain,
            key: self.key.expose_secret().as_bytes(),
        };
        http.for_server(endpoint, &Trust::System, Some(certificate))
    }
}

impl Config {
    /// Reads both sections and reports all that is wrong with them.
    pub(super) fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let host = problems.of(reader.string("spacelift.hostUrl").and_then(|text| host(&text)));
        let endpoint = problems.of(endpoint(reader)).flatten();
        let key = problems.of(reader.secret("spacelift.apiKey"));
        let secret = problems.of(reader.secret("spacelift.apiSecret"));
        let read_only = problems
            .of(reader.optional_boolean("spacelift.readOnly"))
            .flatten();
        let cache_ttl = problems
            .of(reader.optional_duration("stagedoor.spacelift.cacheTtl"))
            .flatten();
        let timeout = problems.of(reader.time_limit("stagedoor.spacelift.timeout", DEFAULT_TIMEOUT));
        let client_certificate = problems.of(client_certificate(reader)).flatten();
        let write_callers = problems.of(WriteCallers::read(reader));
        match (host, key, secret, timeout.zip(write_callers)) {
            (Some(host), Some(key), Some(secret), Some((timeout, write_callers))) if problems.is_empty() => {
                Ok(Self {
                    endpoint: endpoint.unwrap_or_else(|| with_path(&host, "/graphql")),
                    host,
                    credential: Arc::new(Credential { key, secret }),
                    read_only: read_only.unwrap_or(false),
                    cache_ttl: cache_ttl.unwrap_or(DEFAULT_CACHE_TTL),
                    timeout,
                    client_certificate,
                    write_callers,
                })
            }
            _ => Err(problems.into_errors()),
        }
    }
}

fn host(text: &str) -> Result<Url, ConfigError> {
    let key = "spacelift.hostUrl";
    let url = address(key, text)?;
    if url.path() != "/" {
        return Err(ConfigError::invalid(
            key,
            "has a path; give only the host, such as acme.app.spacelift.io",
        ));
    }
    Ok(url)
}

fn endpoint(reader: &ConfigReader) -> Result<Option<Url>, ConfigError> {
    let key = "stagedoor.spacelift.endpoint";
    let Some(text) = reader.optional_string(key)? else {
        return Ok(None);
    };
    let url = address(key, &text)?;
    Ok(Some(if url.path() == "/" {
        with_path(&url, "/graphql")
    } else {
        url
    }))
}

/// Reads an address with or without a scheme. The API secret travels to it, so it must be https.
pub(super) fn address(key: &str, text: &str) -> Result<Url, ConfigError> {
    let text = text.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&with_scheme)
        .map_err(|_| ConfigError::invalid(key, "is neither a host name nor a URL"))?;
    if !keeps_secrets(&url) {
        return Err(ConfigError::invalid(
            key,
            "must use https; plain http is accepted only for this machine itself",
        ));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(ConfigError::invalid(
            key,
            "must not carry a user name, a password, a query or a fragment",
        ));
    }
    Ok(url)
}

fn with_path(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url
}

fn client_certificate(reader: &ConfigReader) -> Result<Option<ClientCertificate>, ConfigError> {
    let section = "stagedoor.spacelift.clientCertificate";
    if reader.optional_config(section)?.is_none() {
        return Ok(None);
    }
    let chain = read_file(reader, &format!("{section}.certFile"))?;
    let key_name = format!("{section}.keyFile");
    let key = String::from_utf8(read_file(reader, &key_name)?)
        .map_err(|_| ConfigError::invalid(&key_name, "names a file that is not PEM text"))?;
    Ok(Some(ClientCertificate {
        chain,
        key: SecretString::from(key),
    }))
}

fn read_file(reader: &ConfigReader, key: &str) -> Result<Vec<u8>, ConfigError> {
    let path = reader.string(key)?;
    fs::read(path).map_err(|error| {
        ConfigError::invalid(
            key,
            &format!("names a file that cannot be read ({})", error.kind()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::reader, *};

    fn read(section: &str) -> Result<Config, Vec<String>> {
        Config::read(&reader(section)).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn host_of(host_url: &str) -> Result<String, Vec<String>> {
        read(&format!(
            r#"{{"spacelift":{{"hostUrl":"{host_url}","apiKey":"k","apiSecret":"s"}}}}"#
        ))
        .map(|config| config.endpoint.to_string())
    }

    #[test]
    fn the_host_may_be_written_with_or_without_scheme_and_slash() {
        for host_url in [
            "acme.app.spacelift.io",
            "https://acme.app.spacelift.io",
            "https://acme.app.spacelift.io/",
        ] {
            assert_eq!(
                host_of(host_url).unwrap(),
                "https://acme.app.spacelift.io/graphql"
            );
        }
        assert_eq!(
            host_of("spacelift.internal:8443").unwrap(),
            "https://spacelift.internal:8443/graphql"
        );
    }

    #[test]
    fn plain_http_reaches_only_this_machine() {
        assert_eq!(
            host_of("http://127.0.0.1:4711").unwrap(),
            "http://127.0.0.1:4711/graphql"
        );
        assert_eq!(
            host_of("http://acme.app.spacelift.io").unwrap_err(),
            [
                "Invalid config value: 'spacelift.hostUrl' must use https; plain http is accepted only for this \
              machine itself"
            ]
        );
    }

    #[test]
    fn a_host_that_is_none_is_refused_without_repeating_it() {
        for host_url in [
            "https://user:hunter2@acme.app.spacelift.io",
            "acme.io/graphql",
            "not a host",
            "ftp://x",
        ] {
            let problems = host_of(host_url).unwrap_err();
            assert!(
                problems.len() == 1 && problems[0].contains("spacelift.hostUrl"),
                "{problems:?}"
            );
            assert!(!problems[0].contains("hunter2"));
        }
    }

    #[test]
    fn an_endpoint_changes_where_the_api_is_and_not_where_links_go() {
        let config = read(
            r#"{"spacelift":{"hostUrl":"acme.app.spacelift.io","apiKey":"k","apiSecret":"s"},
                "stagedoor":{"spacelift":{"endpoint":"http://localhost:1234"}}}"#,
        )
        .unwrap();
        assert_eq!(config.endpoint.as_str(), "http://localhost:1234/graphql");
        assert_eq!(config.host.as_str(), "https://acme.app.spacelift.io/");
        assert!(!config.read_only);
        assert_eq!(
            (config.cache_ttl, config.timeout),
            (DEFAULT_CACHE_TTL, DEFAULT_TIMEOUT)
        );
    }

    #[test]
    fn a_timeout_of_more_than_a_day_is_refused() {
        let with = |timeout: &str| {
            read(&format!(
                r#"{{"spacelift":{{"hostUrl":"acme.app.spacelift.io","apiKey":"k","apiSecret":"s"}},
                    "stagedoor":{{"spacelift":{{"timeout":"{timeout}"}}}}}}"#
            ))
        };
        assert!(with("24h").is_ok());
        for timeout in ["25h", "99999999999 days"] {
            let problems = with(timeout).unwrap_err();
            assert!(
                problems[0].contains("stagedoor.spacelift.timeout"),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = read(
            r#"{"spacelift":{"hostUrl":"ftp://x","readOnly":"perhaps"},
                "stagedoor":{"spacelift":{"clientCertificate":{"certFile":"/nowhere/c.pem","keyFile":"k"}}}}"#,
        )
        .unwrap_err();
        for key in [
            "hostUrl",
            "apiKey",
            "apiSecret",
            "readOnly",
            "clientCertificate.certFile",
        ] {
            assert!(
                problems.iter().any(|problem| problem.contains(key)),
                "{key}: {problems:?}"
            );
        }
        assert!(!problems.concat().contains("nowhere"));
    }
}
