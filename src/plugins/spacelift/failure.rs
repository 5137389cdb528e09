//! Why an exchange over the wire failed, in this plugin's words.

use std::sync::Arc;

use super::error::SpaceliftError;
use crate::infra::http_client::{WireFailure, classify as classify_failure};

/// Names the failure. The address is taken out of the error, since it comes from the configuration.
pub(super) fn classify(operation: &'static str, error: reqwest::Error) -> SpaceliftError {
    let failure = classify_failure(&error);
    let source = Arc::new(error.without_url());
    match failure {
        WireFailure::Untrusted => SpaceliftError::Untrusted(source),
        WireFailure::TlsRefused => SpaceliftError::TlsRefused(source),
        WireFailure::Unreachable => SpaceliftError::Unreachable(source),
        WireFailure::Interrupted => SpaceliftError::Interrupted { operation, source },
    }
}
