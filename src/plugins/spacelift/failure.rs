//! Why an exchange over the wire failed: before anything was sent, because of TLS, or in the middle.

use std::{error::Error, io, sync::Arc};

use rustls::AlertDescription;

use super::error::SpaceliftError;

/// Names the failure. The address is taken out of the error, since it comes from the configuration.
pub(super) fn classify(operation: &'static str, error: reqwest::Error) -> SpaceliftError {
    let tls = find_tls(&error).map(tls_failure);
    let connecting = error.is_connect();
    let source = Arc::new(error.without_url());
    match tls {
        Some(TlsFailure::Untrusted) => SpaceliftError::Untrusted(source),
        Some(TlsFailure::Refused) => SpaceliftError::TlsRefused(source),
        Some(TlsFailure::Other) | None if connecting => SpaceliftError::Unreachable(source),
        Some(TlsFailure::Other) | None => SpaceliftError::Interrupted { operation, source },
    }
}

enum TlsFailure {
    /// We did not accept the server.
    Untrusted,
    /// The server did not accept us; it says so after the handshake, but before it reads a request.
    Refused,
    Other,
}

fn tls_failure(error: &rustls::Error) -> TlsFailure {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            TlsFailure::Untrusted
        }
        rustls::Error::AlertReceived(alert) if ends_the_handshake(*alert) => TlsFailure::Refused,
        _ => TlsFailure::Other,
    }
}

/// The alerts of a server that wants another certificate or another TLS (RFC 8446, 6.2). Any other may come in the
/// middle of an exchange, when a request is on its way.
fn ends_the_handshake(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::HandshakeFailure
            | A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
            | A::AccessDenied
            | A::ProtocolVersion
            | A::InsufficientSecurity
    )
}

/// Looks for a TLS error in the chain; `io::Error` hides what it wraps from `source`.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return find_tls(wrapped);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alerts_about_certificates_and_the_handshake_say_that_nothing_was_taken() {
        let refused = |alert| {
            matches!(
                tls_failure(&rustls::Error::AlertReceived(alert)),
                TlsFailure::Refused
            )
        };
        assert!(refused(AlertDescription::CertificateRequired));
        assert!(refused(AlertDescription::HandshakeFailure));
        for alert in [
            AlertDescription::InternalError,
            AlertDescription::UserCanceled,
            AlertDescription::BadRecordMac,
        ] {
            assert!(!refused(alert), "{alert:?}");
        }
    }
}
