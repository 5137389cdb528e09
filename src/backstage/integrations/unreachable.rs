//! Why no answer came from a code host's API, and what to look at.

use crate::infra::http_client::{WireFailure, classify};

/// The rest of a sentence that begins with the API's name.
pub(super) fn why(error: &reqwest::Error) -> &'static str {
    match classify(error) {
        WireFailure::Untrusted => {
            "shows a certificate that is not trusted; name its authority in `stagedoor.tls.caFile`"
        }
        WireFailure::TlsRefused => "does not accept our side of TLS; check the address",
        WireFailure::Unreachable => "cannot be reached; check the address, the network and the proxy",
        WireFailure::Interrupted => "broke off its answer; try again later",
    }
}
