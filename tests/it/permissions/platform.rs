//! Each operation on the platform's objects, judged for the user who asks; here through the repository.

use serde_json::{Value, json};

use super::{JANE, Portal, question, through_scaffolder, token_of};
use crate::support::{
    app::STATIC_TOKEN,
    git::{
        server::{PASSWORD, USER},
        workshop::Workshop,
    },
};

const CONFIGURE: &str = "/api/ske/configure-resource";
const DELETE: &str = "/api/ske/delete-resource";
const RESOURCE: &str = "/api/ske/resource?name=mine&kind=Database&apiVersion=example.org/v1&namespace=team";

/// The portal in gitops mode, with a repository that holds one object.
struct Platform {
    portal: Portal,
    workshop: Workshop,
}

impl Platform {
    async fn start() -> Self {
        let workshop = Workshop::new().await;
        // The library is set up by the first in the process who needs it; the engine's tests want it to be the workshop.
        drop(workshop.repository());
        let sections = format!(
            "ske:\n  mode: gitops\n  scm: {{ repoUrl: '{}', username: {USER}, token: {PASSWORD}, path: requests, \
             defaultAuthor: {{ name: Portal, email: portal@example.com }} }}\nstagedoor:\n  dataDir: '{}'\n  \
             ske: {{ allow: [{{ group: example.org, kinds: ['*'], access: write }}] }}\n",
            workshop.server.url("state.git"),
            workshop.data.path().display()
        );
        let portal = Portal::start(&sections).await;
        let platform = Self { portal, workshop };
        assert_eq!(platform.configure(STATIC_TOKEN, "mine", "small").await.0, 200);
        platform
    }

    async fn configure(&self, token: &str, name: &str, size: &str) -> (u16, String) {
        let manifest = json!({
            "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": name, "namespace": "team" },
            "spec": { "size": size },
        });
        self.portal
            .post(token, CONFIGURE, &json!({ "manifest": manifest }))
            .await
    }

    fn commits(&self) -> usize {
        self.workshop
            .remote
            .git(&["rev-list", "--count", "main"])
            .trim()
            .parse()
            .unwrap()
    }
}

fn mine() -> Value {
    json!({ "name": "mine", "kind": "Database", "apiVersion": "example.org/v1", "namespace": "team" })
}

/// What configuring asks, whichever of the two it turns out to be.
const BOTH: &[(&str, &str)] = &[
    ("ske.resource.create", "create"),
    ("ske.resource.update", "update"),
];

#[tokio::test]
async fn each_operation_asks_for_its_own_permission_and_a_denied_one_commits_nothing() {
    let platform = Platform::start().await;
    let (jane, before) = (through_scaffolder(JANE, "ske"), platform.commits());
    for permission in ["create", "update", "delete", "read"] {
        platform
            .portal
            .policy
            .deny(JANE, &format!("ske.resource.{permission}"));
    }
    for (said, permission) in [
        (
            platform.configure(&jane, "new", "small").await,
            "ske.resource.create",
        ),
        (
            platform.portal.post(&jane, DELETE, &mine()).await,
            "ske.resource.delete",
        ),
        (platform.portal.get(&jane, RESOURCE).await, "ske.resource.read"),
    ] {
        assert_eq!(said.0, 403, "{said:?}");
        assert!(said.1.contains(permission), "{said:?}");
    }
    assert_eq!(platform.commits(), before);
}

#[tokio::test]
async fn who_may_only_create_does_not_update_and_the_other_way_round() {
    let platform = Platform::start().await;
    let (jane, ann) = (JANE, "user:default/ann");
    platform.portal.policy.deny(jane, "ske.resource.update");
    platform.portal.policy.deny(ann, "ske.resource.create");
    let before = platform.commits();
    for (user, name, permission) in [(jane, "mine", "update"), (ann, "new", "create")] {
        let said = platform
            .configure(&through_scaffolder(user, "ske"), name, "large")
            .await;
        assert_eq!(said.0, 403, "{said:?}");
        assert!(said.1.contains(&format!("ske.resource.{permission}")), "{said:?}");
    }
    assert_eq!(platform.commits(), before);
    for (user, name) in [(jane, "new"), (ann, "mine")] {
        let said = platform
            .configure(&through_scaffolder(user, "ske"), name, "large")
            .await;
        assert_eq!(said.0, 200, "{said:?}");
    }
}

#[tokio::test]
async fn one_question_is_asked_for_one_write() {
    let platform = Platform::start().await;
    assert_eq!(
        platform.portal.policy.questions(),
        [],
        "the static token is a service's"
    );
    platform
        .configure(&through_scaffolder(JANE, "ske"), "mine", "large")
        .await;
    assert_eq!(platform.portal.policy.questions(), [question("ske", JANE, BOTH)]);
    platform.portal.post(&token_of(JANE), DELETE, &mine()).await;
    let delete = [("ske.resource.delete", "delete")];
    assert_eq!(
        platform.portal.policy.questions(),
        [question("ske", JANE, &delete)]
    );
}
