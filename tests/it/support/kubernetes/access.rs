//! Service accounts and their tokens.

use serde_json::{Value, json};

use super::{
    cluster::{Cluster, unique},
    rbac::Subject,
};

/// A service account of a namespace.
#[derive(Debug, Clone)]
pub(crate) struct ServiceAccount {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ServiceAccount {
    /// As a role is bound to it.
    pub(crate) fn subject(&self) -> Subject {
        Subject::ServiceAccount(self.namespace.clone(), self.name.clone())
    }

    /// As the API server names it: `system:serviceaccount:<namespace>:<name>`.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/serviceaccounts", self.namespace)
    }
}

/// A token that can be taken back.
#[derive(Debug)]
pub(crate) struct RevocableToken {
    pub(crate) token: String,
    /// Path of the Secret it is bound to.
    secret: String,
}

impl Cluster {
    /// Creates the account.
    pub(crate) async fn service_account(&self, namespace: &str, name: &str) -> ServiceAccount {
        let account = ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let object = json!({ "metadata": { "name": name } });
        self.api().create(&account.path(), &object).await.ok();
        account
    }

    /// A token of the account, good for an hour.
    pub(crate) async fn token(&self, account: &ServiceAccount) -> String {
        self.request_token(account, &json!({})).await
    }

    /// A token of the account that `revoke` takes back.
    pub(crate) async fn revocable_token(&self, account: &ServiceAccount) -> RevocableToken {
        let name = format!("token-{}", unique());
        let secrets = format!("/api/v1/namespaces/{}/secrets", account.namespace);
        let secret = json!({ "metadata": { "name": name } });
        let secret = self.api().create(&secrets, &secret).await.ok();
        let bound = json!({ "boundObjectRef": {
            "apiVersion": "v1", "kind": "Secret", "name": name, "uid": secret["metadata"]["uid"],
        }});
        let token = self.request_token(account, &bound).await;
        let secret = format!("{secrets}/{name}");
        RevocableToken { token, secret }
    }

    /// Takes the token back; returns once the server refuses it, which for a token it has just accepted takes the ten
    /// seconds it remembers.
    pub(crate) async fn revoke(&self, token: RevocableToken) {
        self.api().delete(&token.secret).await.ok();
        let holder = self.bearer(&token.token);
        holder.wait_for("/api", |answer| answer.status == 401).await;
    }

    async fn request_token(&self, account: &ServiceAccount, spec: &Value) -> String {
        let path = format!("{}/{}/token", account.path(), account.name);
        let answer = self.api().create(&path, &json!({ "spec": spec })).await.ok();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }
}
