//! The trusted authorities as PEM text, for libraries that speak TLS themselves.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::{Authorities, SYSTEM_BUNDLES, system_certificates};

/// Returns the system's authorities and the ones named for every client; what is not usable is left out.
pub(in crate::infra) fn trusted_pem(authorities: &Authorities) -> Vec<u8> {
    let system = system_certificates(authorities, &SYSTEM_BUNDLES.map(Path::new));
    let named = authorities.required.iter().chain(&authorities.optional);
    let named = named.flat_map(|pem| CertificateDer::pem_slice_iter(pem).flatten());
    let mut text = String::new();
    for certificate in system.into_iter().chain(named) {
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            push(&mut text, &certificate);
        }
    }
    text.into_bytes()
}

fn push(text: &mut String, certificate: &[u8]) {
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    text.push_str(&STANDARD.encode(certificate));
    text.push_str("\n-----END CERTIFICATE-----\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_is_in_the_text_and_what_is_no_certificate_is_not() {
        let names = vec!["authority.example.com".to_owned()];
        let named = rcgen::generate_simple_self_signed(names).unwrap().cert;
        let authorities = Authorities {
            required: vec![named.pem().into_bytes()],
            optional: vec![b"no certificate".to_vec()],
        };
        let text = trusted_pem(&authorities);
        let read: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .map(Result::unwrap)
            .collect();
        assert!(read.contains(named.der()));
        assert_eq!(read.len(), trusted_count(&authorities));
    }

    fn trusted_count(authorities: &Authorities) -> usize {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system_certificates(authorities, &SYSTEM_BUNDLES.map(Path::new)));
        roots.len() + 1
    }
}
