//! One of the crowd: who it is, and what it does and expects to be answered.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{super::impersonated, Crowd, Ground};
use crate::{
    ske::{
        kubernetes::manage,
        portal::{Said, get, manifest, named, post, resource, state},
    },
    support::{
        app::TestApp,
        kubernetes::{RequestKind, Subject},
    },
};

/// Somebody who may do everything in the namespace of the same name, and nothing elsewhere.
pub(super) struct Person {
    pub(super) name: String,
    /// As the cluster knows them.
    pub(super) judged_as: String,
    /// Whose credential the cluster is shown.
    pub(super) sender: String,
    pub(super) tokens: Vec<String>,
    /// Which of the apps is called.
    pub(super) app: usize,
}

/// Makes a namespace with an object in it; returns its name, which is that of its only user, too.
pub(super) async fn home(ground: &Ground, number: usize) -> String {
    let Ground { cluster, kind, .. } = ground;
    let name = cluster.namespace(&format!("person-{number:02}")).await;
    let spec = json!({ "size": "small", "settings": { "of": name } });
    let kept = kind.request(&format!("{name}.kept"), spec);
    cluster.api().create(&kind.path(&name), &kept).await.ok();
    name
}

/// Somebody with a sign-in of their own, who calls from the portal's page.
pub(super) async fn signed_in(ground: &Ground, name: &str, app: usize) -> Person {
    let Ground { cluster, kind, .. } = ground;
    manage(cluster, &Subject::oidc_user(name), kind, name).await;
    let sign_in = json!({ "tok": cluster.issuer().token(name, &[]) });
    Person {
        name: name.to_owned(),
        judged_as: format!("oidc:{name}"),
        sender: format!("oidc:{name}"),
        tokens: vec![ground.backstage.user(name, sign_in)],
        app,
    }
}

/// Somebody our account speaks for, whose rights only the group gives: a foreign group would be found out like a
/// foreign name.
pub(super) async fn spoken_for(ground: &Ground, name: &str, (group, app): (&str, usize)) -> Person {
    let Ground { cluster, kind, .. } = ground;
    manage(cluster, &Subject::Group(group.to_owned()), kind, name).await;
    Person {
        name: name.to_owned(),
        judged_as: impersonated(name),
        sender: ground.account.clone(),
        tokens: vec![ground.backstage.on_behalf_of(name, "scaffolder")],
        app,
    }
}

/// One person in the middle of something.
pub(super) struct Acting<'a> {
    pub(super) crowd: &'a Crowd,
    pub(super) me: &'a Person,
    pub(super) token: &'a str,
}

impl Acting<'_> {
    pub(super) async fn read_own(&self) {
        let kept = format!("{}.kept", self.me.name);
        let read = self
            .get(&resource(&self.crowd.ground.kind, &self.me.name, &kept))
            .await
            .ok();
        self.assert_mine(&read["manifest"], &kept);
        self.expect("get", (&self.me.name, &kept), 200);
    }

    pub(super) async fn follow_own(&self) {
        let kept = format!("{}.kept", self.me.name);
        let seen = self
            .get(&state(&self.crowd.ground.kind, &self.me.name, &kept))
            .await
            .ok();
        assert_eq!(seen["state"], "unknown", "{seen}");
        self.expect("get", (&self.me.name, &kept), 200);
    }

    pub(super) async fn read_foreign(&self, other: &Person) {
        let kept = format!("{}.kept", other.name);
        let said = self
            .get(&resource(&self.crowd.ground.kind, &other.name, &kept))
            .await;
        self.assert_denied(said, "get", (&other.name, &kept));
        self.expect("get", (&other.name, &kept), 403);
    }

    pub(super) async fn configure_foreign(&self, other: &Person) {
        let name = format!("{}.of.{}", other.name, self.me.name);
        let said = self.configure(&other.name, &name, "small").await;
        self.assert_denied(said, "get", (&other.name, &name));
        self.expect("get", (&other.name, &name), 403);
    }

    pub(super) async fn delete_foreign(&self, other: &Person) {
        let kept = format!("{}.kept", other.name);
        let said = self.delete(&other.name, &kept).await;
        self.assert_denied(said, "delete", (&other.name, &kept));
        self.expect("get", (&other.name, &kept), 403);
        self.expect("delete", (&other.name, &kept), 403);
    }

    pub(super) async fn live(&self, number: usize) {
        let (mine, name) = (&self.me.name, format!("{}.{number}", self.me.name));
        let created = self.configure(mine, &name, "small").await.ok();
        let updated = self.configure(mine, &name, "large").await.ok();
        assert_eq!(created["resourceId"], updated["resourceId"]);
        let read = self
            .get(&resource(&self.crowd.ground.kind, mine, &name))
            .await
            .ok();
        self.assert_mine(&read["manifest"], &name);
        assert_eq!(read["manifest"]["spec"]["size"], "large");
        self.delete(mine, &name).await.ok();
        for (verb, status) in [
            ("get", 404),
            ("create", 201),
            ("get", 200),
            ("update", 200),
            ("get", 200),
            ("get", 200),
            ("delete", 200),
        ] {
            self.expect(verb, (mine, &name), status);
        }
    }

    async fn get(&self, path: &str) -> Said {
        self.call(get(self.app(), self.token, path)).await
    }

    async fn configure(&self, namespace: &str, name: &str, size: &str) -> Said {
        let spec = json!({ "size": size, "settings": { "of": self.me.name } });
        let body = manifest(&self.crowd.ground.kind, namespace, name, spec);
        self.call(post(self.app(), self.token, "/api/ske/configure-resource", &body))
            .await
    }

    async fn delete(&self, namespace: &str, name: &str) -> Said {
        let body = named(&self.crowd.ground.kind, namespace, name);
        self.call(post(self.app(), self.token, "/api/ske/delete-resource", &body))
            .await
    }

    async fn call(&self, call: impl Future<Output = Said>) -> Said {
        let crowd = self.crowd;
        let now = crowd.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        crowd.most_under_way.fetch_max(now, Ordering::SeqCst);
        let said = call.await;
        crowd.under_way.fetch_sub(1, Ordering::SeqCst);
        crowd.calls.fetch_add(1, Ordering::SeqCst);
        said
    }

    fn app(&self) -> &TestApp {
        &self.crowd.apps[self.me.app]
    }

    fn assert_mine(&self, object: &Value, name: &str) {
        let (metadata, me) = (&object["metadata"], &self.me.name);
        assert_eq!(metadata["name"], name, "{object}");
        assert_eq!(&metadata["namespace"], me, "{object}");
        assert_eq!(&object["spec"]["settings"]["of"], me, "{object}");
    }

    /// The whole sentence of the API server, which names the person.
    fn assert_denied(&self, said: Said, verb: &str, (namespace, name): (&str, &str)) {
        let (RequestKind { group, plural, .. }, user) = (&self.crowd.ground.kind, &self.me.judged_as);
        let sentence = format!(
            "{plural}.{group} \"{name}\" is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \
             \"{group}\" in the namespace \"{namespace}\""
        );
        assert_eq!(said.refused(), (403, sentence));
    }

    /// Writes down what the API server's log must hold of it.
    fn expect(&self, verb: &str, (namespace, name): (&str, &str), status: u64) {
        let (sender, judged_as) = (self.me.sender.clone(), self.me.judged_as.clone());
        let request = (
            sender,
            judged_as,
            verb.to_owned(),
            namespace.to_owned(),
            name.to_owned(),
            status,
        );
        *self.crowd.expected.lock().entry(request).or_default() += 1;
    }
}
