//! Waits until the platform is where the caller wants it with one object.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Backing, FETCH, READ, Ske, about, nothing_more};
use crate::{
    backstage::{
        auth::Credentials,
        waiting::{self, Waited, Watch},
    },
    infra::kubernetes::KubernetesError,
    plugins::ske::{
        domain::{Concern, ObjectRef, Reconciliation, State, concern_of, state_of},
        error::SkeError,
    },
};

/// How long a failure must be seen that may be of an older specification: Kratix takes up a change within seconds.
const STEADY: Duration = Duration::from_secs(10);

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
        let about = || about("queryType", "wait", &awaited.object);
        let trail = self.audit.begin(FETCH, caller, about);
        trail.end(self.permitted_wait(caller, awaited).await, nothing_more)
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
        let turn = self.waits.begin().map_err(SkeError::Backstage)?;
        let patience = waiting::patience(awaited.seconds, caller.expires_at());
        let watched = Watched {
            ske: self,
            caller,
            awaited,
            since: Mutex::new(Instant::now()),
        };
        let waited = turn.wait(&watched, patience).await?;
        Ok(Waited {
            seen: waited.seen.told(),
            timed_out: waited.timed_out,
        })
    }
}

/// One object being watched.
struct Watched<'a> {
    ske: &'a Ske,
    caller: &'a Credentials,
    awaited: &'a Awaited,
    /// When it was first seen in its present state.
    since: Mutex<Instant>,
}

/// What one look shows.
struct Seen {
    found: Reconciliation,
    concern: Concern,
}

impl Seen {
    fn is_old_failure(&self) -> bool {
        self.found.state == State::Failed && self.concern == Concern::Older
    }

    fn told(mut self) -> Reconciliation {
        if self.is_old_failure() {
            let note =
                "This failure is of an older specification; the platform has not taken up the newest yet";
            self.found.note = Some(note.to_owned());
        }
        self.found
    }
}

impl Watch for Watched<'_> {
    type Seen = Seen;
    type Failure = SkeError;

    async fn look(&self) -> Result<Seen, SkeError> {
        let object = self.ske.get_whole(self.caller, &self.awaited.object).await?;
        let found = state_of(&object);
        let concern = concern_of(&object, &found);
        Ok(Seen { found, concern })
    }

    /// What halts the object may be of the past right after a change, so it counts when it is still there.
    fn rests(&self, seen: &Seen, before: Option<&Seen>) -> bool {
        let state = seen.found.state;
        if seen.is_old_failure() {
            return false;
        }
        if state == self.awaited.state {
            return true;
        }
        let mut since = self.since.lock();
        if before.is_none_or(|before| before.found.state != state || before.is_old_failure()) {
            *since = Instant::now();
            return false;
        }
        let is_clear = state != State::Failed || seen.concern == Concern::Newest;
        halts(state) && (is_clear || since.elapsed() >= STEADY)
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
