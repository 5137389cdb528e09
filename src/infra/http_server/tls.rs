//! `backend.https`: the certificate of our own listener.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};
use url::Url;

use crate::config::{ConfigError, ConfigReader, Value};

/// Returns the TLS settings, or `None` when the listener is plain.
///
/// `true` is a certificate of our own making for the host of `backend.baseUrl`; else `certificate.cert` and
/// `certificate.key` are PEM text.
pub(super) fn read(config: &ConfigReader) -> Result<Option<Arc<ServerConfig>>, ConfigError> {
    if let Some(Value::Bool(true)) = config.get("backend.https")? {
        return self_signed(&host(config)?).map(Some);
    }
    // `false` is the type error Backstage gives: the key is left out instead.
    let Some(https) = config.optional_config("backend.https")? else {
        return Ok(None);
    };
    let chain = https.string("certificate.cert")?;
    let key = https.string("certificate.key")?;
    from_pem(&chain, &key).map(Some)
}

fn host(config: &ConfigReader) -> Result<String, ConfigError> {
    let base_url = config.string("backend.baseUrl")?;
    Url::parse(&base_url)
        .ok()
        .and_then(|url| {
            url.host_str()
                .map(|host| host.trim_matches(['[', ']']).to_owned())
        })
        .ok_or_else(|| {
            ConfigError::new("`backend.baseUrl` must be a URL with a host, because `backend.https` is true")
        })
}

fn self_signed(host: &str) -> Result<Arc<ServerConfig>, ConfigError> {
    let refused = |error: &dyn std::fmt::Display| {
        ConfigError::new(format!(
            "Could not make a certificate for the host of `backend.baseUrl`; set `backend.https.certificate` ({error})"
        ))
    };
    let issued =
        rcgen::generate_simple_self_signed(vec![host.to_owned()]).map_err(|error| refused(&error))?;
    let key = PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der());
    server_config(vec![issued.cert.der().clone()], key.into()).map_err(|error| refused(&error))
}

fn from_pem(chain: &str, key: &str) -> Result<Arc<ServerConfig>, ConfigError> {
    let unusable = |part: &str| {
        ConfigError::new(format!(
            "`backend.https.certificate.{part}` is not usable; give PEM text, usually with $file"
        ))
    };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| unusable("cert"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| unusable("key"))?;
    server_config(chain, key).map_err(|error| {
        ConfigError::new(format!(
            "`backend.https.certificate`: the certificate and the key do not work together ({error})"
        ))
    })
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn error(json: &str) -> String {
        read(&config(json)).unwrap_err().to_string()
    }

    #[test]
    fn without_the_key_the_listener_is_plain() {
        assert!(
            read(&config(r#"{"backend":{"baseUrl":"http://x"}}"#))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn true_makes_a_certificate_for_the_base_url() {
        for base_url in [
            "https://portal.example.com:7007",
            "https://127.0.0.1",
            "https://[::1]:7007",
        ] {
            let settings = config(&format!(
                r#"{{"backend":{{"https":true,"baseUrl":"{base_url}"}}}}"#
            ));
            assert!(read(&settings).unwrap().is_some(), "{base_url}");
        }
        assert!(error(r#"{"backend":{"https":true}}"#).contains("backend.baseUrl"));
    }

    #[test]
    fn false_is_an_error() {
        assert_eq!(
            error(r#"{"backend":{"https":false}}"#),
            "Invalid type in config for key 'backend.https' in 'test', got boolean, wanted object"
        );
    }

    #[test]
    fn text_that_is_no_certificate_names_the_key_and_not_the_text() {
        let message = error(r#"{"backend":{"https":{"certificate":{"cert":"hush","key":"hush"}}}}"#);
        assert!(message.contains("backend.https.certificate.cert"), "{message}");
        assert!(!message.contains("hush"), "{message}");
    }
}
