//! How far the platform is with one object.

use super::Ske;
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
        Ok(state_of(&self.get_resource(caller, object).await?))
    }
}
