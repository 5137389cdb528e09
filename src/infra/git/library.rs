//! The Git library, set up once for the process: trusted authorities, time-outs, no configuration of users.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use uuid::Uuid;

use super::{
    files,
    libgit2::{self, ProcessOptions},
    whereabouts,
};
use crate::infra::http_client::{Authorities, system_bundle};

/// Time for a TCP connection, as for every other upstream.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Silence on a connection after which the other side is taken for gone. A server that runs hooks during a push
/// sends signs of life every 5 s (`receive.keepAlive` of Git).
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// libgit2 would take 256 MB; trees of 50,000 files in folders of 1,000 need less than 4 MB.
const CACHE_BYTES: u32 = 32 * 1024 * 1024;

/// Columns of a line in a PEM file (RFC 7468).
const PEM_COLUMNS: usize = 64;

static STARTED: OnceLock<Result<(), LibraryError>> = OnceLock::new();

/// Proof that the library is set up; repositories can only be opened with it. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct GitLibrary(());

/// What the library needs to know for the whole process.
#[derive(Debug, Clone, Default)]
pub struct LibrarySettings {
    /// Trusted besides the system's certificate authorities.
    pub authorities: Authorities,
    /// An existing folder of our own for a file that lives while this is set up.
    pub scratch: PathBuf,
}

/// Why the library could not be set up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LibraryError {
    /// A certificate authority that must be trusted was not understood.
    #[error("a certificate authority of `stagedoor.tls.caFile` is not usable for Git")]
    Authority,
    /// The file for the authorities could not be written.
    #[error("{folder} cannot be written ({reason}); set `stagedoor.dataDir` to a folder that can")]
    Scratch {
        /// The folder.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// libgit2 refused an option.
    #[error("the Git library refused its settings: {0}")]
    Refused(String),
}

/// Lets libgit2 and its TLS library set themselves up. To be called while the process has one thread.
///
/// On the way the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are set where they are missing: the TLS
/// library finds the system's certificates through them (openssl-probe). To change the environment while another
/// thread reads it is not sound, and whoever reads it later sees more than the operator set.
pub fn prepare_process() {
    // The cheapest thing that begins with setting up.
    drop(git2::Buf::new());
}

impl GitLibrary {
    /// Sets the library up; a later call changes nothing and answers as the first did.
    ///
    /// When it must be called: at start-up, before anything connects with Git, and after the environment has been read.
    /// It writes libgit2's options, which libgit2 reads without a lock.
    ///
    /// What it cannot undo: the first use of libgit2 of any kind in a process (this call, but a [`super::BranchName`]
    /// or an [`super::Identity`] as well) sets the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` where
    /// they are missing or lead nowhere, because libgit2's TLS library finds the system's certificates through them. To
    /// change the environment while another thread reads it is not sound. So that first use belongs into `main`, before
    /// the runtime and its threads are made, and whoever wants to know what the operator set takes a snapshot before.
    ///
    /// # Errors
    /// Authorities that cannot be used or a scratch folder that cannot be written.
    pub fn start(settings: &LibrarySettings) -> Result<Self, LibraryError> {
        STARTED
            .get_or_init(|| set_up(settings))
            .clone()
            .map(|()| Self(()))
    }
}

fn set_up(settings: &LibrarySettings) -> Result<(), LibraryError> {
    let bundle = bundle(&settings.authorities)?;
    let file = settings
        .scratch
        .join(format!("authorities-{}.pem", Uuid::new_v4()));
    if bundle.is_empty() {
        return set(None);
    }
    let outcome = files::write_private(&file, bundle.as_bytes())
        .map_err(|error| scratch_error(&settings.scratch, &error))
        .and_then(|()| set(Some(&file)));
    // Read once, when it was named; what stays behind would only grow old.
    let _ = fs::remove_file(&file);
    outcome
}

fn set(authorities: Option<&Path>) -> Result<(), LibraryError> {
    let options = ProcessOptions {
        authorities,
        connect_timeout: CONNECT_TIMEOUT,
        silence_timeout: SILENCE_TIMEOUT,
        cache_bytes: CACHE_BYTES,
        listener: whereabouts::hear,
    };
    libgit2::set(&options).map_err(|error| LibraryError::Refused(error.message().to_owned()))
}

fn scratch_error(folder: &Path, error: &io::Error) -> LibraryError {
    LibraryError::Scratch {
        folder: folder.display().to_string(),
        reason: error.kind().to_string(),
    }
}

/// One PEM text of what is trusted besides what the TLS library finds by itself.
///
/// `SSL_CERT_FILE` takes the place of the system's bundle in that library while for us it adds, so with files from
/// the environment the bundle is written along.
fn bundle(authorities: &Authorities) -> Result<String, LibraryError> {
    let mut text = String::new();
    for pem in &authorities.required {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            push_pem(&mut text, &certificate.map_err(|_| LibraryError::Authority)?);
        }
    }
    let system = system_bundle()
        .filter(|_| !authorities.optional.is_empty())
        .and_then(|path| fs::read(path).ok());
    for pem in authorities.optional.iter().chain(&system) {
        let usable = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        usable.for_each(|certificate| push_pem(&mut text, &certificate));
    }
    Ok(text)
}

fn push_pem(text: &mut String, certificate: &[u8]) {
    let encoded = STANDARD.encode(certificate);
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    for line in encoded.as_bytes().chunks(PEM_COLUMNS) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> (Vec<u8>, Vec<u8>) {
        let issued = rcgen::generate_simple_self_signed(["git.test".to_owned()]).unwrap();
        (issued.cert.pem().into_bytes(), issued.cert.der().to_vec())
    }

    #[test]
    fn what_is_usable_is_written_as_certificates_and_nothing_else() {
        let (pem, der) = authority();
        let mixed = [b"a remark\n".to_vec(), pem].concat();
        let authorities = Authorities {
            required: vec![mixed],
            ..Authorities::default()
        };
        let text = bundle(&authorities).unwrap();
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----\n"), "{text}");
        let read: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].as_ref().unwrap().as_ref(), der);
    }

    #[test]
    fn without_further_authorities_no_file_is_needed() {
        assert_eq!(bundle(&Authorities::default()).unwrap(), "");
    }

    #[test]
    fn an_authority_that_must_be_trusted_and_cannot_be_read_is_refused() {
        let authorities = Authorities {
            required: vec![b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n".to_vec()],
            ..Authorities::default()
        };
        assert!(matches!(bundle(&authorities), Err(LibraryError::Authority)));
    }
}
