//! The answers the edge gives itself, and who writes their bodies.

use std::{fmt, sync::Arc};

use http::StatusCode;

/// An answer the edge gives itself: 429, or 500 after a panic.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// What is answered.
    pub status: StatusCode,
    /// Outside message.
    pub message: &'static str,
}

/// Writes the JSON body of a refusal for the request path it is about.
pub(super) type WriteRefusal = dyn Fn(&Refusal, &str) -> Vec<u8> + Send + Sync;

/// A `WriteRefusal` that can be shared.
#[derive(Clone)]
pub(super) struct RefusalBody(pub(super) Arc<WriteRefusal>);

impl fmt::Debug for RefusalBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefusalBody")
    }
}

impl Refusal {
    /// The caller's address sent more than `backend.rateLimit` allows (express-rate-limit's words).
    pub const TOO_MANY_REQUESTS: Refusal = Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "Too many requests, please try again later",
    };

    /// The caller's address has too many requests under way.
    pub const TOO_MANY_AT_ONCE: Refusal = Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "Too many requests at once from this address, please try again later",
    };

    /// A defect of ours; the panic's own words are for the log.
    pub const PANICKED: Refusal = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: "An internal error occurred",
    };

    /// Returns the body Backstage's limiter sends; without `request`, as there.
    pub fn default_body(&self) -> Vec<u8> {
        let (message, status) = (self.message, self.status.as_u16());
        format!(
            r#"{{"error":{{"name":"Error","message":"{message}"}},"response":{{"statusCode":{status}}}}}"#
        )
        .into_bytes()
    }
}
