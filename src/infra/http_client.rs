//! HTTP clients with time-outs, private certificate authorities and proxies; loopback never goes through a proxy.

use std::{net::IpAddr, sync::Arc, time::Duration};

use rustls::RootCertStore;
use url::{Host, Url};

/// Time to connect to an upstream; a host that does not answer in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Clients for everything outbound. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClients {
    roots: Arc<RootCertStore>,
    proxied: reqwest::Client,
    direct: reqwest::Client,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate authority or client certificate was not understood.
    #[error("could not use the certificates given: {0}")]
    Certificates(String),
    /// The TLS or HTTP library refused the settings.
    #[error("could not set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

impl HttpClients {
    /// Clients that trust the system's certificate authorities and the PEM files' contents given here.
    pub fn new(additional_authorities: &[Vec<u8>]) -> Result<Self, ClientError> {
        let roots = Arc::new(trusted_roots(additional_authorities)?);
        let tls = || {
            rustls::ClientConfig::builder()
                .with_root_certificates(Arc::clone(&roots))
                .with_no_client_auth()
        };
        Ok(Self {
            proxied: base_builder(tls()).build()?,
            direct: base_builder(tls()).no_proxy().build()?,
            roots,
        })
    }

    /// Returns the client to use for the address: loopback never goes through a proxy.
    pub fn for_url(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) {
            &self.direct
        } else {
            &self.proxied
        }
    }

    /// Returns a client of its own for the address that presents a client certificate (PEM chain and key).
    pub fn with_client_certificate(
        &self,
        url: &Url,
        certificate_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<reqwest::Client, ClientError> {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
        let unusable = |error: &dyn std::fmt::Display| ClientError::Certificates(error.to_string());
        let chain = CertificateDer::pem_slice_iter(certificate_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| unusable(&error))?;
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable(&error))?;
        let builder = base_builder(tls);
        let builder = if is_loopback(url) {
            builder.no_proxy()
        } else {
            builder
        };
        Ok(builder.build()?)
    }
}

/// Whether the address is this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

fn base_builder(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect could carry a credential to another host.
        .redirect(reqwest::redirect::Policy::none())
}

fn trusted_roots(additional: &[Vec<u8>]) -> Result<RootCertStore, ClientError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for pem in additional {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| ClientError::Certificates(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| ClientError::Certificates(error.to_string()))?;
        }
    }
    Ok(roots)
}
