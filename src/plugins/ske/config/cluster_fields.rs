//! Reads the fields of the one cluster that matters; those of others are Backstage's business.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use url::Url;

use super::{AuthProvider, ConfiguredCluster};
use crate::{
    config::{ConfigError, ConfigReader, Problems, Value},
    infra::{
        http_client::{check_authorities, keeps_secrets},
        kubernetes::Trust,
    },
};

/// Keys of `authMetadata`, which win over the fields of a shorter name (Backstage Kubernetes backend).
const METADATA_PROVIDER: &str = "kubernetes.io/auth-provider";
const METADATA_TOKEN_PROVIDER: &str = "kubernetes.io/oidc-token-provider";
const METADATA_TOKEN: &str = "serviceAccountToken";

/// Returns a string, and says of a missing one which variable would have held it.
pub(super) fn required(fields: &ConfigReader, key: &str) -> Result<String, ConfigError> {
    match fields.missing_because(key) {
        Some(reason) => Err(ConfigError::invalid(
            &fields.full_key(key),
            &format!("is missing because {reason}"),
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
    let url =
        Url::parse(&required(fields, "url")?).map_err(|_| ConfigError::invalid(&key, "is not a URL"))?;
    if !keeps_secrets(&url) {
        return Err(ConfigError::invalid(
            &key,
            "must use https; plain http is accepted only for this machine itself",
        ));
    }
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::invalid(
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
        Some(other) => Err(ConfigError::invalid(
            &key,
            &format!("is '{other}', which is not supported; use serviceAccount, oidc or localKubectlProxy"),
        )),
        None => Err(ConfigError::invalid(
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
        ConfigError::invalid(
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
            Err(ConfigError::invalid(&key, "must be text, and not empty"))
        }
    }
}

/// Returns the certificate authorities in PEM; the file wins.
fn authorities(fields: &ConfigReader) -> Result<Option<Vec<u8>>, ConfigError> {
    let (key, holder, pem) = match fields.optional_string("caFile")? {
        Some(path) => ("caFile", "names a file", Some(read_file(fields, &path)?)),
        None => ("caData", "is the base64 of a text", decoded(fields)?),
    };
    if let Some(pem) = &pem {
        check_authorities(pem).map_err(|problem| {
            ConfigError::invalid(&fields.full_key(key), &format!("{holder} that {problem}"))
        })?;
    }
    Ok(pem)
}

fn read_file(fields: &ConfigReader, path: &str) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| {
        let what = format!("names a file that cannot be read ({})", error.kind());
        ConfigError::invalid(&fields.full_key("caFile"), &what)
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
        ConfigError::invalid(&fields.full_key("caData"), what)
    })?;
    Ok(Some(pem))
}

fn notice_dropped(fields: &ConfigReader, key: &str, problems: &mut Problems) {
    let Some(reason) = fields.missing_because(key) else {
        return;
    };
    let instead = match key {
        "serviceAccountToken" => "the pod's own service account is used instead, if there is one",
        _ => "the cluster's certificate is checked without it",
    };
    problems.notice(format!(
        "{} is left out because {reason}; {instead}",
        fields.full_key(key)
    ));
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plugins::ske::config::{
        ClusterChoice, Config,
        testing::{authority, cluster, cluster_problems, loaded},
    };

    /// The one problem of a cluster that is right but for these fields.
    #[track_caller]
    fn refused(fields: &Json) -> String {
        let mut whole = json!({"authProvider": "serviceAccount"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let problems = cluster_problems(&whole);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains("'kubernetes.clusterLocatorMethods[0].clusters[0]."),
            "{problems:?}"
        );
        problems.concat()
    }

    #[test]
    fn a_cluster_with_an_account_of_ours() {
        let (cluster, notices) =
            cluster(&json!({"authProvider": "serviceAccount", "serviceAccountToken": "hunter2"}));
        assert_eq!(cluster.url.as_str(), "https://k8s.example.com/");
        assert_eq!(
            (&cluster.provider, &cluster.trust),
            (&AuthProvider::ServiceAccount, &Trust::System)
        );
        assert_eq!(cluster.token.as_ref().unwrap().expose_secret(), "hunter2");
        assert_eq!(notices, Vec::<String>::new());
        assert!(!format!("{cluster:?}").contains("hunter2"));
    }

    #[test]
    fn a_cluster_that_judges_the_person_names_the_sign_in_provider() {
        let (cluster, _) = cluster(&json!({"authProvider": "oidc", "oidcTokenProvider": "keycloak"}));
        assert_eq!(
            cluster.provider,
            AuthProvider::Oidc {
                token_provider: "keycloak".to_owned()
            }
        );
        assert!(refused(&json!({"authProvider": "oidc"})).contains("oidcTokenProvider' is missing"));
    }

    #[test]
    fn the_metadata_says_the_same_and_wins() {
        let metadata = json!({"kubernetes.io/auth-provider": "oidc", "kubernetes.io/oidc-token-provider": "okta",
            "serviceAccountToken": "inner"});
        let (cluster, _) = cluster(
            &json!({"authProvider": "aws", "oidcTokenProvider": "x", "authMetadata": metadata,
            "serviceAccountToken": "outer"}),
        );
        assert_eq!(
            cluster.provider,
            AuthProvider::Oidc {
                token_provider: "okta".to_owned()
            }
        );
        assert_eq!(cluster.token.unwrap().expose_secret(), "inner");
        assert!(
            refused(&json!({"authMetadata": {"kubernetes.io/auth-provider": 1}})).contains("must be text")
        );
    }

    #[test]
    fn a_proxy_on_this_machine_needs_no_credentials() {
        let (cluster, _) =
            cluster(&json!({"authProvider": "localKubectlProxy", "url": "http://127.0.0.1:8001"}));
        assert_eq!(cluster.provider, AuthProvider::LocalKubectlProxy);
    }

    #[test]
    fn a_provider_we_do_not_support_is_refused_by_name() {
        let problem = refused(&json!({"authProvider": "aws"}));
        assert!(problem.contains("authProvider' is 'aws'"), "{problem}");
        assert!(cluster_problems(&json!({}))[0].contains("authProvider' is missing"));
    }

    #[test]
    fn tokens_travel_only_over_https_or_inside_this_machine() {
        for url in [
            "http://localhost:8080",
            "http://[::1]:1",
            "https://10.0.0.1:6443/k8s/clusters/c-1",
        ] {
            assert_eq!(
                cluster(&json!({"authProvider": "serviceAccount", "url": url}))
                    .0
                    .url,
                Url::parse(url).unwrap()
            );
        }
        for (url, said) in [
            ("http://k8s.example.com", "must use https"),
            ("ftp://k8s.example.com", "must use https"),
            ("k8s.example.com", "is not a URL"),
            ("https://user:hunter2@k8s.example.com", "must not carry"),
            ("https://k8s.example.com?token=hunter2", "must not carry"),
        ] {
            let problem = refused(&json!({ "url": url }));
            assert!(
                problem.contains(said) && !problem.contains("hunter2"),
                "{url}: {problem}"
            );
        }
    }

    #[test]
    fn authorities_come_from_base64_or_a_file_and_the_file_wins() {
        let pem = authority();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, &pem).unwrap();
        let encoded = STANDARD.encode(&pem);
        let trust = |fields: Json| {
            let mut fields = fields;
            fields["authProvider"] = json!("serviceAccount");
            cluster(&fields).0.trust
        };
        let expected = Trust::Authorities(pem.into_bytes());
        assert_eq!(trust(json!({ "caData": encoded })), expected);
        let wrapped = encoded
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\n", String::from_utf8_lossy(line)));
        assert_eq!(trust(json!({"caData": wrapped.collect::<String>()})), expected);
        assert_eq!(trust(json!({ "caFile": file, "caData": "???" })), expected);
    }

    #[test]
    fn authorities_that_cannot_be_used_are_refused_without_being_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, "hunter2").unwrap();
        for (fields, said) in [
            (json!({"caData": "-----BEGIN hunter2"}), "caData' is not base64"),
            (
                json!({"caData": STANDARD.encode("hunter2")}),
                "holds no certificate",
            ),
            (
                json!({"caFile": "/nowhere/hunter2.pem"}),
                "caFile' names a file that cannot be read",
            ),
            (json!({ "caFile": file }), "holds no certificate"),
        ] {
            let problem = refused(&fields);
            assert!(
                problem.contains(said) && !problem.contains("hunter2"),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_cluster_nobody_verifies_is_used_with_one_warning() {
        let (cluster, notices) = cluster(&json!({"authProvider": "serviceAccount", "skipTLSVerify": "yes"}));
        assert_eq!(cluster.trust, Trust::Anything);
        assert_eq!(notices.len(), 1);
        assert!(
            notices[0].starts_with("kubernetes.clusterLocatorMethods[0].clusters[0].skipTLSVerify is true")
        );
    }

    #[tokio::test]
    async fn a_token_whose_variable_is_missing_is_left_out_with_a_notice() {
        let yaml = "ske: {kubernetes: {}}\nkubernetes:\n  clusterLocatorMethods:\n  - type: config\n    clusters:\n    \
                    - {name: platform, url: 'https://k8s.example.com', authProvider: serviceAccount,\n      \
                    serviceAccountToken: '${K8S_TOKEN}'}\n";
        let config = Config::read(&loaded(yaml, &[]).await).unwrap();
        assert!(matches!(&config.cluster, ClusterChoice::Configured(cluster) if cluster.token.is_none()));
        assert_eq!(config.notices.len(), 1);
        let said = "kubernetes.clusterLocatorMethods[0].clusters[0].serviceAccountToken is left out because the \
                    environment variable K8S_TOKEN is not set";
        assert!(config.notices[0].starts_with(said), "{:?}", config.notices);
        let config = Config::read(&loaded(yaml, &[("K8S_TOKEN", "hunter2")]).await).unwrap();
        assert!(matches!(&config.cluster, ClusterChoice::Configured(cluster) if cluster.token.is_some()));
        assert_eq!(config.notices, Vec::<String>::new());
    }
}
