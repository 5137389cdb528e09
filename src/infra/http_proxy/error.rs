//! Why a request that was passed on got no answer, and whose fault that is.

use http::StatusCode;
use hyper_util::client::legacy::Error;

use super::progress::{CALLER_LIMIT, SERVER_LIMIT};

/// Why a request got no answer from the server behind us.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No connection came about.
    #[error("The server behind this one cannot be reached")]
    Unreachable(#[source] Error),
    /// The connection broke before an answer began; the request may have had its effect.
    #[error("The connection to the server behind this one broke before it answered")]
    Interrupted(#[source] Error),
    /// It changed to another protocol than HTTP, which nobody asked of it.
    #[error("The server behind this one changed the protocol unasked")]
    Unasked,
    /// It sends on to us what we pass on to it.
    #[error("The server behind this one leads back here")]
    Circle,
    /// It took no bytes, or gave none, for too long.
    #[error("The server behind this one did not answer within {} s", SERVER_LIMIT.as_secs())]
    Slow,
    /// The caller did not send the body he announced.
    #[error("The request broke off in the middle of its body")]
    CallerBroke,
    /// The caller stopped sending the body he announced.
    #[error("Nothing more of the request's body came within {} s", CALLER_LIMIT.as_secs())]
    CallerSilent,
    /// There are as many websockets as there may be.
    #[error("There are as many websockets open here as there may be; try again later")]
    Full,
    /// The request's target cannot be passed on.
    #[error("The request's target cannot be passed on")]
    Target,
}

impl ProxyError {
    /// Says what a failed exchange means. A body that breaks off fails it too, and then the server did nothing wrong.
    pub(super) fn of(error: Error, caller_failed: bool) -> Self {
        match error {
            _ if caller_failed => Self::CallerBroke,
            error if error.is_connect() => Self::Unreachable(error),
            error => Self::Interrupted(error),
        }
    }

    /// Returns the status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Target | Self::CallerBroke => StatusCode::BAD_REQUEST,
            Self::CallerSilent => StatusCode::REQUEST_TIMEOUT,
            Self::Unreachable(_) | Self::Interrupted(_) | Self::Unasked | Self::Circle => {
                StatusCode::BAD_GATEWAY
            }
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
