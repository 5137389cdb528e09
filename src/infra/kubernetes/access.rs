//! What an identity is and may do, as the API server itself says it.

use http::Method;
use serde_json::{Value, json};

use super::{call::Call, cluster::Cluster, error::KubernetesError, identity::Identity, objects::Address};

/// Who the API server takes a caller for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The user name, such as `system:serviceaccount:team:stagedoor`.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// A question to the API server's own authorization.
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// Such as `update`.
    pub verb: &'a str,
    /// What it is done to.
    pub address: &'a Address,
}

impl Cluster {
    /// The API server's version, such as `v1.36.3`.
    ///
    /// # Errors
    /// The failure of the call.
    pub async fn version(&self, identity: &Identity) -> Result<String, KubernetesError> {
        let answer = self.send(identity, &Call::get("/version")).await?;
        text(&answer.body["gitVersion"])
    }

    /// Who the API server takes the caller for (SelfSubjectReview).
    ///
    /// # Errors
    /// The failure of the call.
    pub async fn who_am_i(&self, identity: &Identity) -> Result<Subject, KubernetesError> {
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer = self
            .send(identity, &Call::with_body(Method::POST, path, &review))
            .await?;
        let user = &answer.body["status"]["userInfo"];
        let groups = user["groups"].as_array().into_iter().flatten();
        Ok(Subject {
            user: text(&user["username"])?,
            groups: groups.filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// Whether the caller may do something (SelfSubjectAccessReview).
    ///
    /// # Errors
    /// The failure of the call.
    pub async fn may(&self, identity: &Identity, wanted: AccessRequest<'_>) -> Result<bool, KubernetesError> {
        let address = wanted.address;
        let namespace = address.resource.namespaced.then_some(&address.namespace);
        // The API server judges a creation without looking at the name, so a right to certain names is none to create.
        let name = (wanted.verb != "create").then_some(&address.name);
        self.review(
            identity,
            &json!({
                "verb": wanted.verb,
                "group": address.resource.group(),
                "resource": address.resource.plural(),
                "namespace": namespace,
                "name": name,
            }),
        )
        .await
    }

    /// Whether our account may speak for users of this name.
    ///
    /// # Errors
    /// The failure of the call.
    pub async fn may_impersonate(&self, what: &str, name: &str) -> Result<bool, KubernetesError> {
        let attributes = json!({ "verb": "impersonate", "resource": what, "name": name });
        self.review(&Identity::Account, &attributes).await
    }

    async fn review(&self, identity: &Identity, attributes: &Value) -> Result<bool, KubernetesError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self
            .send(identity, &Call::with_body(Method::POST, path, &review))
            .await?;
        answer.body["status"]["allowed"]
            .as_bool()
            .ok_or(KubernetesError::Malformed { status: 201 })
    }
}

fn text(value: &Value) -> Result<String, KubernetesError> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or(KubernetesError::Malformed { status: 200 })
}
