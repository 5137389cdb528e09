//! Kinds shaped like Kratix's: the Promise, and what a Promise lets people request.

use serde_json::{Value, json};

use super::cluster::{Cluster, unique};

/// Where Promises are.
pub(crate) const PROMISES: &str = "/apis/platform.kratix.io/v1alpha1/promises";

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A kind people request, in an API group that no other test has.
#[derive(Debug, Clone)]
pub(crate) struct RequestKind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    /// The Promise it belongs to.
    pub(crate) promise: String,
}

impl RequestKind {
    /// Names only; nothing is installed.
    pub(crate) fn new(kind: &str) -> Self {
        let one = unique();
        let plural = format!("{}s", kind.to_lowercase());
        Self {
            group: format!("g{one}.example.org"),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            promise: format!("{}-{one}", kind.to_lowercase()),
            plural,
        }
    }

    /// `<group>/<version>`
    pub(crate) fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// The collection of a namespace.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let (group, version, plural) = (&self.group, &self.version, &self.plural);
        format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}")
    }

    /// One object.
    pub(crate) fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }

    /// The path of the Promise.
    pub(crate) fn promise_path(&self) -> String {
        format!("{PROMISES}/{}", self.promise)
    }

    /// A request; a valid spec has at least `size`.
    pub(crate) fn request(&self, name: &str, spec: Value) -> Value {
        let (api_version, kind) = (self.api_version(), &self.kind);
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name }, "spec": spec })
    }

    /// The definition, whose `spec` has fields a server can find fault with.
    pub(crate) fn definition(&self) -> Value {
        let names = [self.kind.as_str(), self.plural.as_str()];
        definition(&self.group, &self.version, names, &spec_schema())
    }
}

/// `size` is required and one of three, `replicas` a number from 1 to 9, `databaseName` of few characters.
fn spec_schema() -> Value {
    json!({ "type": "object", "required": ["size"], "properties": {
        "size": { "type": "string", "enum": ["small", "medium", "large"] },
        "replicas": { "type": "integer", "minimum": 1, "maximum": 9 },
        "databaseName": { "type": "string", "pattern": "^[a-z][a-z0-9]*$", "maxLength": 30 },
        "backups": { "type": "boolean", "default": false },
        "tags": { "type": "array", "items": { "type": "string" } },
        "settings": { "type": "object", "additionalProperties": { "type": "string" } },
    }})
}

/// A definition with one version, a status of its own and unknown fields kept there.
fn definition(group: &str, version: &str, names: [&str; 2], spec: &Value) -> Value {
    let [kind, plural] = names;
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [{
                "name": version, "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object", "properties": { "spec": spec, "status": anything },
                }},
            }],
        },
    })
}

impl Cluster {
    /// Installs what Kratix would: a Promise, available, and the kind it offers, in a group of its own.
    pub(crate) async fn promise(&self, kind: &str) -> RequestKind {
        let kind = RequestKind::new(kind);
        self.install_promises().await;
        let promise = json!({
            "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise",
            "metadata": { "name": kind.promise },
            "spec": { "api": kind.definition(), "workflows": {} },
        });
        self.api().create(PROMISES, &promise).await.ok();
        self.define(&kind.definition()).await;
        self.set_promise_available(&kind, true).await;
        kind
    }

    /// The kind `Promise`; installed by the first that asks.
    pub(crate) async fn install_promises(&self) {
        let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let names = ["Promise", "promises"];
        let mut promises = definition("platform.kratix.io", "v1alpha1", names, &anything);
        promises["spec"]["scope"] = json!("Cluster");
        self.define(&promises).await;
    }

    /// Writes the status of the Promise as Kratix does.
    pub(crate) async fn set_promise_available(&self, kind: &RequestKind, available: bool) {
        let (word, status, reason, message) = match available {
            true => (
                "Available",
                "True",
                "PromiseAvailable",
                "Ready to fulfil resource requests",
            ),
            false => (
                "Unavailable",
                "False",
                "PromiseUnavailable",
                "Requirements are missing",
            ),
        };
        let now = jiff::Timestamp::now().to_string();
        let path = format!("{}/status", kind.promise_path());
        let change = |promise: &mut Value| {
            promise["status"] = json!({
                "status": word, "kind": kind.kind, "apiVersion": kind.api_version(),
                "observedGeneration": promise["metadata"]["generation"],
                "conditions": [{
                    "type": "Available", "status": status, "reason": reason, "message": message,
                    "lastTransitionTime": now,
                }],
            });
        };
        self.api().change(&path, change).await.ok();
    }

    /// Installs a definition, if it is not there, and returns once its kind is served and found by discovery.
    pub(crate) async fn define(&self, definition: &Value) {
        let answer = self.api().create(DEFINITIONS, definition).await;
        if answer.status != 409 {
            answer.ok();
        }
        let text = |pointer: &str| definition.pointer(pointer).unwrap().as_str().unwrap();
        let (group, version) = (text("/spec/group"), text("/spec/versions/0/name"));
        let plural = text("/spec/names/plural");
        let path = format!("/apis/{group}/{version}");
        let listed = self.api().wait_for(&path, |answer| {
            let kinds = answer.body["resources"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["name"] == plural))
        });
        listed.await;
        let objects = format!("{path}/{plural}");
        self.api().wait_for(&objects, |answer| answer.status == 200).await;
    }
}
