//! Reads one object.

use serde_json::Value;

use super::{READ, Ske, admit};
use crate::{
    backstage::auth::Credentials,
    plugins::ske::{
        domain::{ObjectRef, Operation},
        error::SkeError,
    },
};

impl Ske {
    /// Returns the object as the cluster has it, without the bookkeeping of who set which field.
    ///
    /// # Errors
    /// `Absent` only when it is not there.
    pub(in crate::plugins::ske) async fn get_resource(
        &self,
        caller: &Credentials,
        object: &ObjectRef,
    ) -> Result<Value, SkeError> {
        admit(caller, &READ)?;
        let session = self.session(caller).await?;
        let target = session.target(object, Operation::Read).await?;
        let mut manifest = session.get(&target).await?.body;
        if let Some(metadata) = manifest["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
        }
        Ok(manifest)
    }
}
