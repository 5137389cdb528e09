//! Deletes one object.

use serde_json::Value;
use tracing::info;

use super::{DELETE, Ske, admit, logged, warnings};
use crate::{
    backstage::{auth::Credentials, user_text::encode_user_text},
    plugins::ske::{
        domain::{ObjectRef, Operation},
        error::SkeError,
    },
};

impl Ske {
    /// Asks the cluster to delete the object and returns its answer: a `Status`, or the object while finalizers run,
    /// with `warnings` added when a GitOps tool will bring it back.
    ///
    /// # Errors
    /// `Absent` when it is not there.
    pub(in crate::plugins::ske) async fn delete_resource(
        &self,
        caller: &Credentials,
        object: &ObjectRef,
    ) -> Result<Value, SkeError> {
        admit(caller, &DELETE)?;
        self.writes()?;
        let session = self.session(caller).await?;
        let target = session.target(object, Operation::Delete).await?;
        // The answer may be a bare Status. Who may delete but not read gets no warning.
        let before = match session.get(&target).await {
            Err(absent @ SkeError::Absent(_)) => return Err(absent),
            found => found.map(|answer| answer.body).unwrap_or_default(),
        };
        let deleted = session
            .cluster()
            .delete(session.identity(), &target.address)
            .await;
        let answer = deleted.map_err(|error| session.failed(&target, true, error))?;
        let principal = encode_user_text(caller.subject().unwrap_or("nobody"));
        let object = logged(object);
        info!(principal, object, "Deleted {object}");
        let mut body = answer.body;
        let warnings = warnings(&before, answer.warnings);
        if let Some(fields) = body.as_object_mut().filter(|_| !warnings.is_empty()) {
            fields.insert("warnings".to_owned(), warnings.into());
        }
        Ok(body)
    }
}
