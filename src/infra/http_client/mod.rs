//! HTTP clients with time-outs, private certificate authorities and proxies; loopback never goes through a proxy.

mod failure;
mod limited;
#[cfg(test)]
mod node_tests;
mod pem;
mod unverified;

use std::{collections::HashSet, net::IpAddr, path::Path, sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tracing::warn;
use url::{Host, Url};

pub(in crate::infra) use self::pem::trusted_pem;
use self::unverified::Unverified;
pub use self::{
    failure::{CertificateFlaw, WireFailure, certificate_flaw, classify},
    limited::{ReadError, read_at_most},
};

/// Time to connect to an upstream; a host that does not answer in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection to Node is kept. Node closes its own after 5 s, and a request must not meet that: then
/// nobody could tell whether it was received.
const NODE_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Where systems keep their bundle: Debian and Alpine, Fedora and Red Hat (old and new), SUSE, BSD and macOS.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Contents of PEM files with certificate authorities that are trusted besides the system's own.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    /// Each certificate must be usable.
    pub required: Vec<Vec<u8>>,
    /// From the environment: what is not usable is left out with a warning, as Node does.
    pub optional: Vec<Vec<u8>>,
}

/// Clients for everything outbound. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClients {
    roots: Arc<RootCertStore>,
    anywhere: Pair,
    node: Pair,
}

/// Two clients of the same settings.
#[derive(Debug, Clone)]
struct Pair {
    proxied: reqwest::Client,
    direct: reqwest::Client,
}

impl Pair {
    fn build(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        Ok(Self {
            proxied: builder().build()?,
            direct: builder().no_proxy().build()?,
        })
    }

    fn of(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) {
            &self.direct
        } else {
            &self.proxied
        }
    }
}

/// Whose certificates one server may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those of the system's authorities and of the ones named for every client.
    System,
    /// Those of the authorities in this PEM text, and of nobody else.
    Authorities(Vec<u8>),
    /// Anybody's: no check at all.
    Anything,
}

/// A client certificate: chain and private key, both in PEM.
#[derive(Debug, Clone, Copy)]
pub struct ClientCertificate<'a> {
    /// The chain, our own certificate first.
    pub chain: &'a [u8],
    /// The private key.
    pub key: &'a [u8],
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
        Self::trusting(&Authorities {
            required: additional_authorities.to_vec(),
            ..Authorities::default()
        })
    }

    /// As `new`, with authorities that may be unusable.
    pub fn trusting(authorities: &Authorities) -> Result<Self, ClientError> {
        let system = system_certificates(authorities, &SYSTEM_BUNDLES.map(Path::new));
        let roots = trusted_roots(system, authorities)?;
        if roots.is_empty() {
            warn!(
                "No certificate authority is trusted, so no HTTPS upstream can be reached; install the system's \
                 ca-certificates or set `stagedoor.tls.caFile`"
            );
        }
        let roots = Arc::new(roots);
        let builder = || base_builder(tls(&roots));
        Ok(Self {
            anywhere: Pair::build(builder)?,
            node: Pair::build(|| builder().pool_idle_timeout(NODE_IDLE_TIMEOUT))?,
            roots,
        })
    }

    /// Returns the client to use for the address: loopback never goes through a proxy.
    pub fn for_url(&self, url: &Url) -> &reqwest::Client {
        self.anywhere.of(url)
    }

    /// The same for one of Backstage's own backends.
    pub fn for_node(&self, url: &Url) -> &reqwest::Client {
        self.node.of(url)
    }

    /// The same for a Git server; some close connections as early as Node does (Apache: after 5 s).
    pub(super) fn for_git(&self, url: &Url) -> &reqwest::Client {
        self.node.of(url)
    }

    /// How TLS is spoken by clients that are built elsewhere.
    pub(super) fn tls(&self) -> rustls::ClientConfig {
        tls(&self.roots)
    }

    /// Returns a client of its own for one server: whom it trusts there, and what it shows.
    ///
    /// # Errors
    /// A certificate or key is not usable.
    pub fn for_server(
        &self,
        url: &Url,
        trust: &Trust,
        certificate: Option<ClientCertificate<'_>>,
    ) -> Result<reqwest::Client, ClientError> {
        let verified = rustls::ClientConfig::builder();
        let wanted = match trust {
            Trust::System => verified.with_root_certificates(Arc::clone(&self.roots)),
            Trust::Authorities(pem) => verified.with_root_certificates(only(pem)?),
            Trust::Anything => verified
                .dangerous()
                .with_custom_certificate_verifier(Unverified::new()),
        };
        let tls = match certificate {
            None => wanted.with_no_client_auth(),
            Some(certificate) => {
                let (chain, key) = certificate.parse()?;
                wanted
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| unusable(&error))?
            }
        };
        let builder = base_builder(tls);
        let builder = if is_loopback(url) {
            builder.no_proxy()
        } else {
            builder
        };
        Ok(builder.build()?)
    }
}

impl ClientCertificate<'_> {
    fn parse(self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ClientError> {
        let chain = CertificateDer::pem_slice_iter(self.chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&error))?;
        let key = PrivateKeyDer::from_pem_slice(self.key).map_err(|error| unusable(&error))?;
        Ok((chain, key))
    }
}

fn unusable(error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Certificates(error.to_string())
}

fn only(pem: &[u8]) -> Result<RootCertStore, ClientError> {
    check_authorities(pem).map_err(|problem| unusable(&format!("the certificate authority {problem}")))?;
    let mut roots = RootCertStore::empty();
    add(&mut roots, pem);
    Ok(roots)
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

/// Whether a secret may travel to the address: over https, or inside this machine.
pub fn keeps_secrets(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn tls(roots: &Arc<RootCertStore>) -> rustls::ClientConfig {
    rustls::ClientConfig::builder()
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth()
}

fn base_builder(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect could carry a credential to another host.
        .redirect(reqwest::redirect::Policy::none())
}

/// Says why a PEM file's content cannot serve as certificate authorities; never repeats it.
///
/// # Errors
/// There is no certificate, or one that is not usable.
pub fn check_authorities(pem: &[u8]) -> Result<(), &'static str> {
    let (usable, unusable) = add(&mut RootCertStore::empty(), pem);
    match (usable, unusable) {
        (_, 1..) => Err("holds a certificate that is not usable"),
        (0, 0) => Err("holds no certificate"),
        _ => Ok(()),
    }
}

/// The system's certificates. `SSL_CERT_FILE` replaces them for the library that reads them, while for us it adds,
/// so with files from the environment the bundle at its usual place is read as well.
fn system_certificates(authorities: &Authorities, bundles: &[&Path]) -> HashSet<CertificateDer<'static>> {
    let mut certificates = HashSet::from_iter(rustls_native_certs::load_native_certs().certs);
    let bundle = bundles.iter().find(|bundle| bundle.exists());
    if let Some(bundle) = bundle.filter(|_| !authorities.optional.is_empty()) {
        certificates.extend(rustls_native_certs::load_certs_from_paths(Some(bundle), None).certs);
    }
    certificates
}

fn trusted_roots(
    system: HashSet<CertificateDer<'static>>,
    authorities: &Authorities,
) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system);
    for pem in &authorities.required {
        if add(&mut roots, pem).1 > 0 {
            let problem = "a certificate authority is not usable".to_owned();
            return Err(ClientError::Certificates(problem));
        }
    }
    for pem in &authorities.optional {
        let (usable, unusable) = add(&mut roots, pem);
        if unusable > 0 || usable == 0 {
            warn!(
                usable,
                unusable,
                "NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names a file with content that is no certificate; it is left out"
            );
        }
    }
    Ok(roots)
}

/// Adds what is usable; returns how many certificates were and were not.
fn add(roots: &mut RootCertStore, pem: &[u8]) -> (usize, usize) {
    let (mut usable, mut unusable) = (0, 0);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        match certificate.map(|certificate| roots.add(certificate)) {
            Ok(Ok(())) => usable += 1,
            _ => unusable += 1,
        }
    }
    (usable, unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Vec<u8> {
        let issued = rcgen::generate_simple_self_signed(["upstream.test".to_owned()]).unwrap();
        issued.cert.pem().into_bytes()
    }

    fn garbage() -> Vec<u8> {
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()
    }

    #[test]
    fn files_of_the_environment_add_what_is_usable_and_required_ones_are_taken_whole_or_not_at_all() {
        let mixed = [garbage(), authority()].concat();
        let optional = Authorities {
            optional: vec![mixed.clone(), b"no certificate".to_vec()],
            ..Authorities::default()
        };
        assert_eq!(trusted_roots(HashSet::new(), &optional).unwrap().len(), 1);
        let required = Authorities {
            required: vec![mixed],
            ..Authorities::default()
        };
        assert!(trusted_roots(HashSet::new(), &required).is_err());
    }

    #[test]
    fn the_systems_bundle_stays_trusted_beside_a_file_of_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.crt");
        std::fs::write(&bundle, authority()).unwrap();
        let places = [Path::new("/nowhere/bundle.crt"), bundle.as_path()];
        let none = system_certificates(&Authorities::default(), &places).len();
        let with_file = Authorities {
            optional: vec![authority()],
            ..Authorities::default()
        };
        assert_eq!(system_certificates(&with_file, &places).len(), none + 1);
    }

    #[test]
    fn what_cannot_be_an_authority_is_said() {
        assert_eq!(check_authorities(&authority()), Ok(()));
        assert_eq!(check_authorities(b"hello"), Err("holds no certificate"));
        assert_eq!(
            check_authorities(&garbage()),
            Err("holds a certificate that is not usable")
        );
    }
}
