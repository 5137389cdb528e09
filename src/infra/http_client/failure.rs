//! Why an exchange over the wire failed: before anything was sent, because of TLS, or in the middle.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};

/// What a failed exchange means for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFailure {
    /// We do not trust the server's certificate; nothing was sent.
    Untrusted,
    /// The server did not accept our side of TLS; nothing was taken.
    TlsRefused,
    /// No connection came about; nothing was sent.
    Unreachable,
    /// The connection broke later; the server may have acted.
    Interrupted,
}

/// What is wrong with a certificate that is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// Its time has passed or has not come yet, by our clock.
    Outdated,
    /// It is for another name than the one we asked.
    OtherName,
    /// It comes from no authority we trust; or anything else.
    Untrusted,
}

/// Says why the certificate of a failure `WireFailure::Untrusted` is not trusted.
pub fn certificate_flaw(error: &reqwest::Error) -> CertificateFlaw {
    use CertificateError as C;
    match find_tls(error) {
        Some(rustls::Error::InvalidCertificate(
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. },
        )) => CertificateFlaw::Outdated,
        Some(rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. })) => {
            CertificateFlaw::OtherName
        }
        _ => CertificateFlaw::Untrusted,
    }
}

/// Names the failure.
pub fn classify(error: &reqwest::Error) -> WireFailure {
    match find_tls(error).map(tls_failure) {
        Some(TlsFailure::Untrusted) => WireFailure::Untrusted,
        Some(TlsFailure::Refused) => WireFailure::TlsRefused,
        Some(TlsFailure::Other) | None if error.is_connect() => WireFailure::Unreachable,
        Some(TlsFailure::Other) | None => WireFailure::Interrupted,
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
