//! Reading, creating, replacing and deleting one object of any kind, as plain JSON.

use http::Method;
use kube::core::{DynamicObject, Resource as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    call::{Answer, Call},
    cluster::Cluster,
    discovery::{Kind, Resource},
    error::KubernetesError,
    identity::Identity,
};

/// What may stand in a path as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Fields the server does not know are refused instead of dropped ("Kubernetes API concepts", field validation).
pub(super) const STRICT: &str = "fieldValidation=Strict";

/// Objects asked for at once, first and when these together are too large: one holds at most 1.5 MB, as etcd takes no
/// larger ones.
const PAGES: [usize; 2] = [50, 5];

/// Most pages of a list; a server that says there is always more is none.
const MOST_PAGES: usize = 1000;

/// JSON that is not what was asked for.
const NO_OBJECT: KubernetesError = KubernetesError::Malformed { status: 200 };

/// Where one object is.
#[derive(Debug, Clone)]
pub struct Address {
    /// Its kind, as it is served.
    pub resource: Resource,
    /// Its namespace; not looked at for kinds of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Address {
    pub(super) fn collection(&self) -> String {
        let namespace = escape(&self.namespace);
        let namespace = self.resource.namespaced.then_some(namespace.as_str());
        DynamicObject::url_path(&self.resource.api, namespace)
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), escape(&self.name))
    }

    /// Whether this is about an object of another kind, which has taken over the path.
    fn is_other_kind(&self, answer: &Answer) -> bool {
        let kind = answer.body["kind"].as_str();
        answer.body["metadata"]["name"] == self.name.as_str()
            && kind.is_some_and(|kind| kind != self.resource.api.kind)
    }

    /// A refusal that tells of this object's absence, as such.
    fn tell(&self, error: KubernetesError) -> KubernetesError {
        match error.refusal() {
            Some(refusal) if refusal.is_absence_of(self) => KubernetesError::Absent,
            _ => error,
        }
    }

    /// Passes on what is the object asked about, and no other JSON.
    fn confirm(&self, answer: Answer) -> Result<Answer, KubernetesError> {
        if answer.body["metadata"]["name"] == self.name.as_str() {
            Ok(answer)
        } else {
            Err(NO_OBJECT)
        }
    }

    fn kind(&self) -> Kind {
        let api = &self.resource.api;
        Kind {
            group: api.group.clone(),
            version: api.version.clone(),
            kind: api.kind.clone(),
        }
    }
}

impl Cluster {
    /// Reads the object.
    ///
    /// # Errors
    /// A refusal, also when it does not exist; `NotServed` when the kind is gone; the failure of the call.
    pub async fn get(&self, identity: &Identity, address: &Address) -> Result<Answer, KubernetesError> {
        let answer = self
            .about(address, identity, |address| Call::get(address.path()))
            .await?;
        address.confirm(answer)
    }

    /// Shows each object of a kind in the whole cluster, or the one of a name, to `each`; never holds more than a page
    /// of them.
    ///
    /// # Errors
    /// As for `get`.
    pub async fn list(
        &self,
        identity: &Identity,
        (resource, name): (&Resource, Option<&str>),
        mut each: impl FnMut(&Value),
    ) -> Result<(), KubernetesError> {
        let [mut size, small] = PAGES;
        let path = DynamicObject::url_path(&resource.api, None);
        let selector = name.map(|name| format!("&fieldSelector=metadata.name%3D{}", escape(name)));
        let selector = selector.unwrap_or_default();
        let mut from = String::new();
        for _ in 0..MOST_PAGES {
            // One page ("Kubernetes API concepts", retrieving large results sets in chunks).
            let page = format!("{path}?limit={size}&continue={}{selector}", escape(&from));
            let page = match self.send(identity, &Call::get(page)).await {
                Err(KubernetesError::TooLarge(_)) if size > small => {
                    size = small;
                    continue;
                }
                page => page?.body,
            };
            let objects = page["items"].as_array().ok_or(NO_OBJECT)?;
            objects.iter().for_each(&mut each);
            match page["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut from),
                _ => return Ok(()),
            }
        }
        Err(NO_OBJECT)
    }

    /// Creates an object from its whole JSON.
    ///
    /// # Errors
    /// As for `get`; a conflict when it exists.
    pub async fn create(
        &self,
        identity: &Identity,
        address: &Address,
        object: &Value,
    ) -> Result<Answer, KubernetesError> {
        address.confirm(self.about(address, identity, create_call(object, STRICT)).await?)
    }

    /// Replaces an object; its `resourceVersion` makes this fail when somebody else was faster.
    ///
    /// # Errors
    /// As for `get`; a conflict when it changed in between.
    pub async fn replace(
        &self,
        identity: &Identity,
        address: &Address,
        object: &Value,
    ) -> Result<Answer, KubernetesError> {
        address.confirm(
            self.about(address, identity, replace_call(object, STRICT))
                .await?,
        )
    }

    /// Asks for deletion; what depends on the object goes in the background, as with `kubectl`.
    ///
    /// # Errors
    /// As for `get`.
    pub async fn delete(&self, identity: &Identity, address: &Address) -> Result<Answer, KubernetesError> {
        let options =
            json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background" });
        let call = |address: &Address| Call::with_body(Method::DELETE, address.path(), &options);
        self.about(address, identity, call).await
    }

    /// Makes a call about an object. A path that is not served, one the caller has no right to and one where another
    /// kind stands may be that of a kind that is served otherwise by now: then the call is made once more, since the
    /// first did nothing.
    ///
    /// A path that is not served is never the object's absence, and not the kind's either while the kinds cannot be
    /// asked for.
    pub(super) async fn about(
        &self,
        address: &Address,
        identity: &Identity,
        call: impl Fn(&Address) -> Call,
    ) -> Result<Answer, KubernetesError> {
        let outcome = self.send(identity, &call(address)).await;
        let is_unserved = match &outcome {
            Ok(answer) => address.is_other_kind(answer),
            Err(error) => matches!(error, KubernetesError::NotServed),
        };
        if !is_unserved && !self.may_have_moved(address, &outcome) {
            return outcome.map_err(|error| address.tell(error));
        }
        match self.learn(identity, &address.kind()).await {
            Ok(resource) if !resource.is_reached_like(&address.resource) => {
                let moved = Address {
                    resource,
                    ..address.clone()
                };
                let outcome = self.send(identity, &call(&moved)).await;
                outcome.map_err(|error| moved.tell(error))
            }
            Err(KubernetesError::NotServed) => Err(KubernetesError::NotServed),
            Err(error) if is_unserved => Err(error),
            // What it was refused for stays what it is.
            Ok(_) | Err(_) => outcome,
        }
    }

    /// Whether a refusal may be due to rights on a path of the past, and this is the one who finds out.
    fn may_have_moved(&self, address: &Address, outcome: &Result<Answer, KubernetesError>) -> bool {
        let refusal = outcome.as_ref().err().and_then(KubernetesError::refusal);
        refusal.is_some_and(|refusal| refusal.code == 403) && self.served.begins_anew(&address.kind())
    }
}

/// Escapes one part of a path.
pub(super) fn escape(part: &str) -> String {
    utf8_percent_encode(part, SEGMENT).to_string()
}

pub(super) fn create_call(object: &Value, query: &str) -> impl Fn(&Address) -> Call {
    move |address| Call::with_body(Method::POST, format!("{}?{query}", address.collection()), object)
}

pub(super) fn replace_call(object: &Value, query: &str) -> impl Fn(&Address) -> Call {
    move |address| Call::with_body(Method::PUT, format!("{}?{query}", address.path()), object)
}

#[cfg(test)]
mod tests {
    use kube::core::{ApiResource, GroupVersionKind};

    use super::*;

    fn address(namespaced: bool, namespace: &str, name: &str) -> Address {
        let kind = GroupVersionKind::gvk("example.com", "v1", "Database");
        let api = ApiResource::from_gvk_with_plural(&kind, "databases");
        Address {
            resource: Resource { api, namespaced },
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_kind_of_the_whole_cluster_ignores_the_namespace() {
        let path = address(false, "team-a", "x").path();
        assert_eq!(path, "/apis/example.com/v1/databases/x");
        let path = address(true, "team-a", "x").path();
        assert_eq!(path, "/apis/example.com/v1/namespaces/team-a/databases/x");
    }

    #[test]
    fn no_name_leaves_its_place_in_the_path() {
        let path = address(true, "a/b", "../secrets?x#y%z:w").path();
        assert_eq!(
            path,
            "/apis/example.com/v1/namespaces/a%2Fb/databases/..%2Fsecrets%3Fx%23y%25z%3Aw"
        );
    }
}
