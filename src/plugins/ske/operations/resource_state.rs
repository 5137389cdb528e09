//! How far the platform is with one object.

use super::{FETCH, Ske, about, nothing_more};
use crate::{
    backstage::auth::Credentials,
    plugins::ske::{
        domain::{ObjectRef, Reconciliation, state_of},
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
        let found = self.look_at(caller, object).await;
        trail.end(found.map(|object| state_of(&object)), nothing_more)
    }
}
