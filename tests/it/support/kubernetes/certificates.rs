//! A certificate authority of the run's own, what it signs, and the keys that sign service account tokens.

use std::{fs, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// The names under which everything here is reached.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "kubernetes.default.svc"];

/// Signs the certificates of the API server, of the issuer and of client users.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        stagedoor::infra::install_crypto_provider();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of the tests");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes `<name>.pem` and `<name>-key.pem` of a server into the folder.
    pub(super) fn write_server(&self, folder: &Path, name: &str, expired: bool) {
        let mut params = server_params();
        if expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let (certificate, key) = self.sign(params);
        fs::write(folder.join(format!("{name}.pem")), certificate).unwrap();
        fs::write(folder.join(format!("{name}-key.pem")), key).unwrap();
    }

    /// The TLS of a server in this process.
    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = server_params().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = ServerConfig::builder().with_no_client_auth();
        Arc::new(
            builder
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap(),
        )
    }

    /// A certificate and its key in PEM that make the API server take the caller for this user.
    pub(super) fn client(&self, user: &str, groups: &[&str]) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, user);
        for group in groups {
            params.distinguished_name.push(DnType::OrganizationName, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn server_params() -> CertificateParams {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "server of the tests");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// Writes `<name>.pem` and `<name>-public.pem`, a pair of keys without a certificate, into the folder.
pub(super) fn write_keys(folder: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join(format!("{name}.pem")), key.serialize_pem()).unwrap();
    fs::write(folder.join(format!("{name}-public.pem")), key.public_key_pem()).unwrap();
}
