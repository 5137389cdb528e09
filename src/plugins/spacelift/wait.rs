//! Waiting for a run: until nothing more happens to it by itself.

use http::StatusCode;
use tokio::time::Instant;

use super::{
    client::SpaceliftClient,
    domain::{RunDetails, RunId, StackId},
    error::SpaceliftError,
};
use crate::backstage::waiting::{LEAST_LOOK, Watch};

/// Which run is waited for, and for how many seconds; the usual time unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited<'a> {
    pub(super) stack: &'a StackId,
    pub(super) run: &'a RunId,
    pub(super) seconds: Option<u16>,
    /// Whether a run that ends without success is an error.
    pub(super) fail_on_failure: bool,
}

/// A run being watched.
pub(super) struct WatchedRun<'a> {
    pub(super) client: &'a SpaceliftClient,
    pub(super) stack: &'a StackId,
    pub(super) run: &'a RunId,
}

impl Watch for WatchedRun<'_> {
    type Seen = RunDetails;
    type Failure = SpaceliftError;

    async fn look(&self) -> Result<RunDetails, SpaceliftError> {
        self.client.run(self.stack, self.run).await
    }

    fn rests(&self, seen: &RunDetails, _: Option<&RunDetails>) -> bool {
        seen.rests()
    }

    fn passes(&self, error: &SpaceliftError) -> bool {
        use SpaceliftError as E;
        match error {
            E::RateLimited { .. } | E::Unreachable(_) | E::Interrupted { .. } | E::Slow { .. } => true,
            E::Failed { status, .. } => status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT,
            _ => false,
        }
    }

    fn retry_at(&self, error: &SpaceliftError) -> Option<Instant> {
        error.retry_at()
    }

    fn unseen(&self) -> SpaceliftError {
        SpaceliftError::Slow {
            operation: "GetRun",
            limit: LEAST_LOOK,
        }
    }
}
