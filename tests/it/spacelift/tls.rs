//! A Spacelift with a certificate authority of its own, and one that wants to see our certificate.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use serde_json::json;

use super::{STACKS, portal, refusal};
use crate::support::{
    app::TestApp,
    spacelift::{FakeSpacelift, listed},
};

/// A certificate authority that only this test knows.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        stagedoor::infra::install_crypto_provider();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for loopback and its key, both in PEM.
    fn issue(&self) -> (String, KeyPair, CertificateDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key, certificate.der().clone())
    }

    /// A server with a certificate of this authority; with `clients`, it wants one of that authority in return.
    fn server(&self, clients: Option<&Authority>) -> ServerConfig {
        let (_, key, certificate) = self.issue();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = match clients {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.0.der().clone()).unwrap();
                ServerConfig::builder().with_client_cert_verifier(
                    WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap(),
                )
            }
        };
        builder.with_single_cert(vec![certificate], key).unwrap()
    }
}

/// The app-config for the fake with this authority trusted.
fn trusting(fake: &FakeSpacelift, authority: &Authority, folder: &Path, more: &str) -> String {
    let file = folder.join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    format!(
        "{}  tls: {{ caFile: '{}' }}\n",
        fake.app_config(more),
        file.display()
    )
}

#[tokio::test]
async fn a_private_authority_is_trusted_once_it_is_named() {
    let authority = Authority::new();
    let fake = FakeSpacelift::start_tls(authority.server(None)).await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start(&trusting(&fake, &authority, folder.path(), "")).await;
    assert_eq!(app.get(STACKS).await.status(), 200);
}

#[tokio::test]
async fn an_authority_that_is_not_named_is_a_502_that_says_where_to_name_it() {
    let fake = FakeSpacelift::start_tls(Authority::new().server(None)).await;
    let (status, text) = refusal(portal(&fake).await.get(STACKS).await).await;
    assert!(status == 502 && text.contains("stagedoor.tls.caFile"), "{text}");
}

#[tokio::test]
async fn check_says_so_too_and_tries_nothing_more() {
    let fake = FakeSpacelift::start_tls(Authority::new().server(None)).await;
    let checks = TestApp::check(&fake.app_config("")).await;
    let ours = checks
        .into_iter()
        .filter(|check| check.name.starts_with("Spacelift"));
    let failed: Vec<_> = ours
        .map(|check| (check.name, check.outcome.unwrap_err()))
        .collect();
    assert!(
        failed.len() == 1
            && failed[0].0 == "Spacelift connection"
            && failed[0].1.contains("stagedoor.tls.caFile"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_spacelift_wants_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let fake = FakeSpacelift::start_tls(authority.server(Some(&clients))).await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = clients.issue();
    let (cert_file, key_file) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&cert_file, certificate).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let shown = format!(
        "clientCertificate: {{ certFile: '{}', keyFile: '{}' }}",
        cert_file.display(),
        key_file.display()
    );
    let app = TestApp::start(&trusting(&fake, &authority, folder.path(), &shown)).await;
    assert_eq!(app.get(STACKS).await.status(), 200);
}

#[tokio::test]
async fn a_missing_client_certificate_is_a_502_that_says_how_to_give_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let fake = FakeSpacelift::start_tls(authority.server(Some(&clients))).await;
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start(&trusting(&fake, &authority, folder.path(), "timeout: 5s")).await;
    let (status, text) = refusal(app.get(STACKS).await).await;
    assert!(
        status == 502 && text.contains("stagedoor.spacelift.clientCertificate"),
        "{text}"
    );
}
