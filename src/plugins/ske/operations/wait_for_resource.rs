//! Waits until the platform is where the caller wants it with one object.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Backing, FETCH, READ, Ske, about, nothing_more,
    steadiness::{Seen, Steadiness},
};
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
    /// Whether an end in another state is an error.
    pub(in crate::plugins::ske) fail_on_failure: bool,
}

impl Ske {
    /// Waits for the state, but not beyond the caller's credentials, and not when nothing more happens by itself. The
    /// wait itself went well even where it ended elsewhere, and so it is audited.
    ///
    /// # Errors
    /// As for reading the object, and `Ended` when it leads elsewhere and that is to be an error. In hybrid an object
    /// that is not there yet is waited for, since the platform follows the repository; in gitops nothing is known of a
    /// platform.
    pub(in crate::plugins::ske) async fn wait_for_resource(
        &self,
        caller: &Credentials,
        awaited: &Awaited,
    ) -> Result<Waited<Reconciliation>, SkeError> {
        let about = || about("queryType", "wait", &awaited.object);
        let trail = self.audit.begin(FETCH, caller, about);
        let waited = trail.end(self.permitted_wait(caller, awaited).await, nothing_more)?;
        let Waited { seen, timed_out } = &waited;
        if awaited.fail_on_failure && !timed_out && seen.state != awaited.state {
            return Err(SkeError::Ended {
                state: seen.state,
                text: seen.ended(&awaited.object),
            });
        }
        Ok(waited)
    }

    async fn permitted_wait(
        &self,
        caller: &Credentials,
        awaited: &Awaited,
    ) -> Result<Waited<Reconciliation>, SkeError> {
        self.authorize(caller, &READ).await?;
        if matches!(self.backing, Backing::GitOps(_)) {
            return Err(SkeError::NoCluster);
        }
        let turn = self.waits.begin(caller).map_err(SkeError::Backstage)?;
        let patience = waiting::patience(awaited.seconds, caller.expires_at());
        let watched = Watched {
            ske: self,
            caller,
            awaited,
            steadiness: Mutex::new(Steadiness::new(awaited.state)),
        };
        let waited = turn.wait(&watched, patience).await?;
        let timed_out = waited.timed_out;
        let seen = watched.steadiness.lock().told(waited.seen, timed_out);
        Ok(Waited { seen, timed_out })
    }
}

/// One object being watched.
struct Watched<'a> {
    ske: &'a Ske,
    caller: &'a Credentials,
    awaited: &'a Awaited,
    steadiness: Mutex<Steadiness>,
}

impl Watched<'_> {
    /// Whether this failure says that the object is gone, which is what is waited for. A kind that is not served may
    /// be a misspelt one, unless it was served before.
    fn tells_end(&self, error: &SkeError) -> bool {
        let was_seen = || self.steadiness.lock().has_seen();
        self.awaited.state == State::Gone
            && match error {
                SkeError::Absent(_) => true,
                SkeError::NotServed { .. } => was_seen(),
                _ => false,
            }
    }
}

impl Watch for Watched<'_> {
    type Seen = Seen;
    type Failure = SkeError;

    async fn look(&self) -> Result<Seen, SkeError> {
        match self.ske.get_whole(self.caller, &self.awaited.object).await {
            Err(error) if self.tells_end(&error) => Ok(Seen::gone()),
            object => {
                let object = object?;
                let found = self.ske.state_in(&self.awaited.object, &object).await;
                Ok(Seen::new(&object, found))
            }
        }
    }

    fn rests(&self, seen: &Seen, _: Option<&Seen>) -> bool {
        self.steadiness.lock().rests(seen)
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
