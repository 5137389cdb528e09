//! What the unit tests of the integrations share.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{KeyPair, PKCS_RSA_SHA256};

use crate::config::{ConfigReader, Environment, LoadOptions, load};

/// The bytes before the PKCS#1 form in the PKCS#8 form of a 2048 bit RSA key.
const PKCS8_FRAME: usize = 26;

/// An RSA key in every form that is read.
pub(super) struct Key {
    pub(super) pkcs1: String,
    pub(super) pkcs8: String,
    pub(super) public: String,
}

/// One key for all tests, since making one takes a while.
pub(super) fn key() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        Key {
            pkcs1: pem("RSA PRIVATE KEY", &pair.serialize_der()[PKCS8_FRAME..]),
            pkcs8: pair.serialize_pem().replace("\r\n", "\n"),
            public: pair.public_key_pem(),
        }
    });
    &KEY
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A reader over a file of app-config, with the variables that are set.
pub(super) async fn loaded(yaml: &str, variables: &[(&str, &str)]) -> ConfigReader {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-config.yaml"), yaml).unwrap();
    let options = LoadOptions {
        targets: vec!["app-config.yaml".to_owned()],
        root_dir: folder.path().to_owned(),
        working_dir: folder.path().to_owned(),
        environment: Environment::from_pairs(variables.iter().copied()),
        remote: None,
    };
    load(&options).await.unwrap().into_reader()
}

/// The entries, with the notices and what is wrong when none is needed.
pub(super) fn integrations(reader: &ConfigReader) -> (super::Integrations, Vec<String>) {
    needing(reader, &[]).unwrap()
}

/// The entries and the notices when these hosts are needed, or what is wrong with them.
pub(super) fn needing(
    reader: &ConfigReader,
    hosts: &[&str],
) -> Result<(super::Integrations, Vec<String>), Vec<String>> {
    let mut problems = crate::config::Problems::default();
    let read = super::Integrations::read(reader, hosts, &mut problems);
    if problems.is_empty() {
        return Ok((read, problems.into_notices()));
    }
    Err(problems.into_errors().iter().map(ToString::to_string).collect())
}
