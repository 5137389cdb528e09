//! Who may do what.

use serde_json::{Value, json};

use super::{
    cluster::{Cluster, unique},
    issuer::PREFIX,
};

/// Somebody a role can be bound to.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    User(String),
    Group(String),
    /// Namespace and name.
    ServiceAccount(String, String),
}

impl Subject {
    /// The user of a token of the issuer.
    pub(crate) fn oidc_user(name: &str) -> Self {
        Self::User(format!("{PREFIX}{name}"))
    }

    /// A group in a token of the issuer.
    pub(crate) fn oidc_group(name: &str) -> Self {
        Self::Group(format!("{PREFIX}{name}"))
    }

    fn json(&self) -> Value {
        let group = "rbac.authorization.k8s.io";
        match self {
            Self::User(name) => json!({ "kind": "User", "apiGroup": group, "name": name }),
            Self::Group(name) => json!({ "kind": "Group", "apiGroup": group, "name": name }),
            Self::ServiceAccount(namespace, name) => {
                json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
            }
        }
    }
}

/// Verbs on resources of an API group, in one namespace or in the whole cluster.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    rule: Value,
    namespace: Option<String>,
}

impl Rule {
    /// Every verb on these resources, cluster-wide; the core group is the empty one.
    pub(crate) fn on(group: &str, resources: &[&str]) -> Self {
        let rule = json!({ "apiGroups": [group], "resources": resources, "verbs": ["*"] });
        Self {
            rule,
            namespace: None,
        }
    }

    /// These verbs only.
    pub(crate) fn verbs(mut self, verbs: &[&str]) -> Self {
        self.rule["verbs"] = json!(verbs);
        self
    }

    /// On objects with these names only.
    pub(crate) fn named(mut self, names: &[&str]) -> Self {
        self.rule["resourceNames"] = json!(names);
        self
    }

    /// In this namespace only.
    pub(crate) fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }
}

impl Cluster {
    /// Makes a role of the rule and binds it to the subject; returns once the server acts on it.
    pub(crate) async fn allow(&self, subject: &Subject, rule: &Rule) {
        let (scope, kind) = match &rule.namespace {
            Some(namespace) => (format!("/namespaces/{namespace}"), ""),
            None => (String::new(), "Cluster"),
        };
        let base = format!("/apis/rbac.authorization.k8s.io/v1{scope}");
        let name = format!("role-{}", unique());
        let role = json!({ "metadata": { "name": name }, "rules": [rule.rule] });
        let roles = format!("{base}/{}roles", kind.to_lowercase());
        self.api().create(&roles, &role).await.ok();
        let binding = json!({
            "metadata": { "name": name }, "subjects": [subject.json()],
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": format!("{kind}Role"), "name": name },
        });
        let bindings = format!("{base}/{}rolebindings", kind.to_lowercase());
        self.api().create(&bindings, &binding).await.ok();
        self.until_allowed(subject, rule).await;
    }

    /// The authorizer learns of a new role from a watch, some milliseconds later.
    async fn until_allowed(&self, subject: &Subject, rule: &Rule) {
        let review = review(subject, rule);
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        for _ in 0..500 {
            let answer = self.api().create(path, &review).await.ok();
            if answer["status"]["allowed"] == true {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{subject:?} is not allowed {rule:?}");
    }
}

/// Asks about the first verb on the first resource of the rule.
fn review(subject: &Subject, rule: &Rule) -> Value {
    let first = |field: &str| rule.rule[field][0].clone();
    let resource = first("resources");
    let (resource, part) = match resource.as_str().and_then(|resource| resource.split_once('/')) {
        Some((resource, part)) => (json!(resource), json!(part)),
        None => (resource, Value::Null),
    };
    let (user, groups) = match subject {
        Subject::User(name) => (name.clone(), json!([])),
        Subject::Group(name) => (String::new(), json!([name])),
        Subject::ServiceAccount(namespace, name) => {
            (format!("system:serviceaccount:{namespace}:{name}"), json!([]))
        }
    };
    json!({ "spec": { "user": user, "groups": groups, "resourceAttributes": {
        "group": first("apiGroups"), "resource": resource, "subresource": part, "verb": first("verbs"),
        "namespace": rule.namespace, "name": first("resourceNames"),
    }}})
}
