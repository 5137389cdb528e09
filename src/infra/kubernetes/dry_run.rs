//! Asks an API server whether it would take a write, which changes nothing ("Kubernetes API concepts", dry-run).

use http::Method;
use serde_json::{Value, json};

use super::{
    call::{Answer, Call},
    cluster::Cluster,
    error::{ApiRefusal, KubernetesError},
    identity::Identity,
    objects::{Address, STRICT, create_call, replace_call},
};

const ALL: &str = "dryRun=All";

impl Cluster {
    /// As `create`.
    ///
    /// # Errors
    /// As for `create`; that the object exists is said last, when all else is well.
    pub async fn try_create(
        &self,
        identity: &Identity,
        address: &Address,
        object: &Value,
    ) -> Result<Answer, KubernetesError> {
        let query = format!("{STRICT}&{ALL}");
        self.about(address, identity, create_call(object, &query)).await
    }

    /// As `replace`.
    ///
    /// # Errors
    /// As for `replace`.
    pub async fn try_replace(
        &self,
        identity: &Identity,
        address: &Address,
        object: &Value,
    ) -> Result<Answer, KubernetesError> {
        let query = format!("{STRICT}&{ALL}");
        self.about(address, identity, replace_call(object, &query)).await
    }

    /// As `delete`.
    ///
    /// # Errors
    /// As for `delete`.
    pub async fn try_delete(
        &self,
        identity: &Identity,
        address: &Address,
    ) -> Result<Answer, KubernetesError> {
        // A server that is sent options reads them alone, and not the query.
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"] });
        let call = |address: &Address| {
            let path = format!("{}?{ALL}", address.path());
            Call::with_body(Method::DELETE, path, &options)
        };
        self.about(address, identity, call).await
    }
}

impl ApiRefusal {
    /// Whether an admission webhook has effects of its own, so that nothing can be tried.
    pub fn is_untriable(&self) -> bool {
        self.code == 400 && self.message.contains("does not support dry run")
    }

    /// Whether the caller lacks the right to create, which is told from the refusal of an admission by its words.
    pub fn lacks_right_to_create(&self) -> bool {
        self.code == 403 && self.message.contains(" cannot create resource ")
    }
}
