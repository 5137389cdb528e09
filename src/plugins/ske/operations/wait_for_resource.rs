//! Waits until the platform is where the caller wants it with one object.

use tokio::time::Instant;

use super::{Backing, READ, Ske, admit};
use crate::{
    backstage::{
        auth::Credentials,
        waiting::{self, Waited, Watch},
    },
    infra::kubernetes::KubernetesError,
    plugins::ske::{
        domain::{ObjectRef, Reconciliation, State},
        error::SkeError,
    },
};

/// What is waited for, and for how many seconds; the usual time unless said otherwise.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct Awaited {
    pub(in crate::plugins::ske) object: ObjectRef,
    pub(in crate::plugins::ske) state: State,
    pub(in crate::plugins::ske) seconds: Option<u16>,
}

impl Ske {
    /// Waits for the state, but not beyond the caller's credentials, and not when nothing more happens by itself.
    ///
    /// # Errors
    /// As for reading the object. In hybrid an object that is not there yet is waited for, since the platform follows
    /// the repository; in gitops nothing is known of a platform.
    pub(in crate::plugins::ske) async fn wait_for_resource(
        &self,
        caller: &Credentials,
        awaited: &Awaited,
    ) -> Result<Waited<Reconciliation>, SkeError> {
        admit(caller, &READ)?;
        if matches!(self.backing, Backing::GitOps(_)) {
            return Err(SkeError::NoCluster);
        }
        let patience = waiting::patience(awaited.seconds, caller.expires_at());
        let watched = Watched {
            ske: self,
            caller,
            awaited,
        };
        waiting::wait(&watched, patience).await
    }
}

/// One object being watched.
struct Watched<'a> {
    ske: &'a Ske,
    caller: &'a Credentials,
    awaited: &'a Awaited,
}

impl Watch for Watched<'_> {
    type Seen = Reconciliation;
    type Failure = SkeError;

    async fn look(&self) -> Result<Reconciliation, SkeError> {
        self.ske.resource_state(self.caller, &self.awaited.object).await
    }

    /// What halts the object may be of the past right after a change, so it counts when it is still there.
    fn rests(&self, seen: &Reconciliation, before: Option<&Reconciliation>) -> bool {
        seen.state == self.awaited.state
            || (halts(seen.state) && before.is_some_and(|before| before.state == seen.state))
    }

    fn passes(&self, error: &SkeError) -> bool {
        use KubernetesError as E;
        match error {
            SkeError::Absent(_) => matches!(self.ske.backing, Backing::Hybrid(..)),
            SkeError::Cluster { source, .. } => match source {
                E::Unreachable(_) | E::Interrupted(_) | E::Slow(_) => true,
                E::Malformed { status } => *status >= 500,
                E::Refused(refusal) => refusal.code >= 500 || refusal.code == 429,
                _ => false,
            },
            _ => false,
        }
    }

    fn retry_at(&self, error: &SkeError) -> Option<Instant> {
        match error {
            SkeError::Cluster { source, .. } => source
                .refusal()
                .and_then(|refusal| refusal.retry_after)
                .and_then(|pause| Instant::now().checked_add(pause)),
            _ => None,
        }
    }

    fn unseen(&self) -> SkeError {
        SkeError::Unseen(self.awaited.object.clone())
    }
}

/// Whether it leads nowhere else until somebody does something.
fn halts(state: State) -> bool {
    matches!(
        state,
        State::Failed | State::Paused | State::Suspended | State::Deleting
    )
}
