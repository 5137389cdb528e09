//! How far the platform is with one object.

use serde_json::Value;

use super::{Backing, FETCH, Ske, about, nothing_more};
use crate::{
    backstage::auth::Credentials,
    infra::kubernetes::Identity,
    plugins::ske::{
        domain::{ObjectRef, Operation, Reconciliation, State, state_of, state_of_request},
        error::SkeError,
    },
};

impl Ske {
    /// Reads the object and says what its conditions mean.
    ///
    /// # Errors
    /// As for reading it.
    pub(in crate::plugins::ske) async fn resource_state(
        &self,
        caller: &Credentials,
        object: &ObjectRef,
    ) -> Result<Reconciliation, SkeError> {
        let about = || about("queryType", "state", object);
        let trail = self.audit.begin(FETCH, caller, about);
        let state = async {
            let live = self.look_at(caller, object).await?;
            Ok(self.state_in(object, &live).await)
        };
        trail.end(state.await, nothing_more)
    }

    /// The state of what was just read. Before Kratix has left a trace on it, only its Promise tells that it will.
    pub(super) async fn state_in(&self, object: &ObjectRef, live: &Value) -> Reconciliation {
        let found = state_of(live);
        if found.state == State::Unknown && self.is_offered(object).await {
            return state_of_request(live);
        }
        found
    }

    /// Whether a Promise is known to offer the kind; not being able to say so is no failure of a look.
    async fn is_offered(&self, object: &ObjectRef) -> bool {
        let (Backing::Kubernetes(clusters) | Backing::Hybrid(clusters, _)) = &self.backing else {
            return false;
        };
        let touched = object.touched(Operation::Read);
        if !touched.may_be_offered() {
            return false;
        }
        let platform = clusters.current().await.platform;
        let kind = (touched.group, touched.kind);
        let offered = platform
            .offered
            .includes((&platform.cluster, &Identity::Account), kind)
            .await;
        offered.unwrap_or(false)
    }
}
