//! What may be touched in a repository that a platform applies with rights of its own, and by whom.

use serde_json::{Value, json};

use super::{
    place::{CLOSED, Depot, OPEN, TEAM, document, holding, promise, push},
    process::Home,
};
use crate::ske::{
    place::{CONFIGURE, DELETE, until},
    portal::{Said, get, manifest, named, post, resource},
};

/// Kinds with which one owns the platform: `apiVersion` and `kind`.
const CLOSED_KINDS: [(&str, &str); 16] = [
    ("v1", "Secret"),
    ("v1", "secret"),
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("batch/v1", "CronJob"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("platform.kratix.io/v1alpha1", "Destination"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("argoproj.io/v1alpha1", "Application"),
    ("argoproj.io/v1alpha1", "Workflow"),
];

const PROMISE: (&str, &str) = ("platform.kratix.io/v1alpha1", "Promise");

/// Reads, writes and deletes `mine` as a user of the portal.
async fn tries(depot: &Depot, (api_version, kind): (&str, &str)) -> [(&'static str, Said); 4] {
    let (app, guest) = (&depot.app, depot.guest());
    let query = format!("apiVersion={api_version}&kind={kind}&name=mine&namespace={TEAM}");
    let object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "mine", "namespace": TEAM },
        "stringData": { "password": "guessed" },
    });
    let named = json!({ "apiVersion": api_version, "kind": kind, "name": "mine", "namespace": TEAM });
    let body = json!({ "manifest": object });
    [
        (
            "read",
            get(app, &guest, &format!("/api/ske/resource?{query}")).await,
        ),
        (
            "state",
            get(app, &guest, &format!("/api/ske/resource/state?{query}")).await,
        ),
        (
            "configure",
            post(app, &depot.guests_template(), CONFIGURE, &body).await,
        ),
        ("delete", post(app, &guest, DELETE, &named).await),
    ]
}

/// The statuses of the same.
async fn statuses(depot: &Depot, what: (&str, &str)) -> [u16; 4] {
    tries(depot, what).await.map(|(_, said)| said.status)
}

/// An object of the kind as a file.
fn file_of((api_version, kind): (&str, &str)) -> String {
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: mine, namespace: {TEAM}}}\nstringData: {{password: \
         hidden}}\n"
    )
}

/// A repository with an object of this kind, and this section `stagedoor.ske`.
async fn with_one(what: (&str, &str), ours: &str) -> Depot {
    let workshop = holding(&[("requests/mine.yaml", &file_of(what))]).await;
    Depot::behind(workshop, ours, str::to_owned).await
}

/// The Promise that would offer the kind.
fn promise_of((api_version, kind): (&str, &str)) -> String {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    promise(&kind.to_lowercase(), group, kind)
}

#[tokio::test]
async fn what_owns_the_platform_is_closed_whether_it_is_there_or_not() {
    let there: String = CLOSED_KINDS.map(file_of).join("---\n");
    let claimed: String = CLOSED_KINDS.map(promise_of).join("---\n");
    let full = Depot::closed(&[("requests/all.yaml", &there), ("requests/p.yaml", &claimed)]).await;
    let empty = Depot::closed(&[]).await;
    for depot in [&full, &empty] {
        let commits = depot.remote.commits();
        for what in CLOSED_KINDS {
            for (how, said) in tries(depot, what).await {
                let (status, message) = said.refused();
                assert!(
                    status == 403 && message.contains("stagedoor.ske.allow"),
                    "{how} {what:?}: {status} {message}"
                );
                assert!(!message.contains("hidden"), "{message}");
            }
        }
        assert_eq!(depot.remote.commits(), commits);
    }
}

/// Kinds of other groups that own a platform, and some that no list of such groups would have.
const UNPROMISED: [(&str, &str); 9] = [
    ("kyverno.io/v1", "ClusterPolicy"),
    ("security.openshift.io/v1", "SecurityContextConstraints"),
    ("authorization.openshift.io/v1", "ClusterRoleBinding"),
    ("helm.cattle.io/v1", "HelmChart"),
    ("operators.coreos.com/v1alpha1", "Subscription"),
    ("pkg.crossplane.io/v1", "Provider"),
    ("example.org/v1", "Other"),
    ("example.org/v1", "database"),
    ("other.example.org/v1", "Database"),
];

#[tokio::test]
async fn only_kinds_of_promises_in_the_repository_are_open() {
    let there: String = UNPROMISED.map(file_of).join("---\n");
    let database = ("example.org/v1", "Database");
    let promised = [promise_of(("apps.example.org/v1", "App")), promise_of(database)].join("---\n");
    let depot = Depot::closed(&[
        ("requests/all.yaml", &there),
        ("requests/mine.yaml", &file_of(database)),
        ("requests/platform/promises.yaml", &promised),
        ("elsewhere/promise.yaml", &promise_of(UNPROMISED[0])),
    ])
    .await;
    for what in UNPROMISED {
        for (how, said) in tries(&depot, what).await {
            let (status, message) = said.refused();
            assert!(
                status == 403 && message.contains("no Promise in Git offers it"),
                "{how} {what:?}: {status} {message}"
            );
        }
    }
    assert_eq!(depot.remote.commits().len(), 2);
    assert_eq!(statuses(&depot, database).await, [200; 4]);
}

#[tokio::test]
async fn a_promise_that_comes_opens_its_kind_and_one_that_goes_closes_it() {
    let depot = Depot::closed(&[("requests/a.yaml", &document("mine", "small"))]).await;
    assert_eq!(depot.read("mine").await.refused().0, 403);
    let clone = depot.remote.working_copy();
    clone.write("requests/p.yaml", &promise_of(("example.org/v1", "Database")));
    push(&clone);
    until(200, || depot.read("mine")).await;
    clone.write("requests/p.yaml", &promise_of(("example.org/v1", "Queue")));
    push(&clone);
    until(403, || depot.read("mine")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_neither_promises_nor_a_list_says_so_once() {
    let promised = promise("database", "example.org", "Database");
    let none: &[(&str, &str)] = &[];
    for (files, ours, expected) in [
        (none, CLOSED, 1),
        (&[("requests/p.yaml", promised.as_str())], CLOSED, 0),
        (none, "{ allow: [] }", 0),
    ] {
        let workshop = holding(files).await;
        let process = Home::of(&workshop.server, ours, "").start(&[]).await;
        process.caller.read("mine").await.unwrap();
        process.caller.read("mine").await.unwrap();
        let ended = tokio::task::spawn_blocking(|| process.binary.terminated());
        let (_, log) = ended.await.unwrap();
        let says = |line: &&str| line.contains("no Promise lies below ske.scm.path");
        let said: Vec<_> = log.lines().filter(says).collect();
        assert_eq!(said.len(), expected, "{ours} {log}");
        assert!(
            said.iter().all(|line| line.contains("stagedoor.ske.allow")),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn promises_may_be_read_and_neither_written_nor_deleted() {
    let depot = with_one(PROMISE, CLOSED).await;
    let [read, _, written, deleted] = tries(&depot, PROMISE).await.map(|(_, said)| said);
    read.ok();
    let (status, message) = written.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.allow"),
        "{message}"
    );
    let (status, message) = deleted.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.deletePromises"),
        "{message}"
    );
    assert_eq!(depot.remote.commits().len(), 2);
    let depot = with_one(PROMISE, "{ allow: null, deletePromises: true }").await;
    let [read, state, written, deleted] = statuses(&depot, PROMISE).await;
    assert_eq!([read, state, written, deleted], [200, 200, 403, 200]);
}

#[tokio::test]
async fn a_list_opens_exactly_what_it_names_and_closes_all_else() {
    const MAP: (&str, &str) = ("v1", "ConfigMap");
    const DATABASE: (&str, &str) = ("example.org/v1", "Database");
    let reads = "{ allow: [{ group: core, kinds: [ConfigMap], access: read }] }";
    let writes = "{ allow: [{ group: core, kinds: [ConfigMap], access: write }] }";
    for (what, ours, expected) in [
        (MAP, reads, [200, 200, 403, 403]),
        (MAP, writes, [200; 4]),
        (DATABASE, writes, [403; 4]),
        (DATABASE, "{ allow: [] }", [403; 4]),
        (PROMISE, writes, [403; 4]),
    ] {
        assert_eq!(
            statuses(&with_one(what, ours).await, what).await,
            expected,
            "{what:?} {ours}"
        );
    }
}

#[tokio::test]
async fn a_secret_is_opened_in_the_repository_only_by_its_own_name() {
    const SECRET: (&str, &str) = ("v1", "Secret");
    for (allow, expected) in [
        ("[{ group: '*', kinds: ['*'], access: write }]", [403; 4]),
        ("[{ group: core, kinds: ['*'], access: write }]", [403; 4]),
        (
            "[{ group: core, kinds: [Secret], access: read }]",
            [200, 200, 403, 403],
        ),
        ("[{ group: core, kinds: [Secret], access: write }]", [200; 4]),
    ] {
        let depot = with_one(SECRET, &format!("{{ allow: {allow} }}")).await;
        assert_eq!(statuses(&depot, SECRET).await, expected, "{allow}");
    }
}

#[tokio::test]
async fn the_list_is_followed_while_we_run() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    depot.read("mine").await.ok();
    let file = depot.app.folder.path().join("app-config.yaml");
    let config = std::fs::read_to_string(&file).unwrap();
    let closed = config.replace(OPEN, "allow: []");
    assert_ne!(closed, config);
    std::fs::write(&file, closed).unwrap();
    let (_, message) = until(403, || depot.read("mine")).await.refused();
    assert!(message.contains("stagedoor.ske.allow has no rule"), "{message}");
}

/// Configures and deletes as whoever the token belongs to.
async fn writes(depot: &Depot, token: &str) -> [Said; 2] {
    let body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "small" }));
    let configured = post(&depot.app, token, CONFIGURE, &body).await;
    let deleted = post(&depot.app, token, DELETE, &named(&depot.kind, TEAM, "mine")).await;
    [configured, deleted]
}

#[tokio::test]
async fn who_may_configure_must_come_through_a_write_caller_and_who_deletes_need_not() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "large"))]).await;
    let [configured, deleted] = writes(&depot, &depot.guest()).await;
    let (status, message) = configured.refused();
    assert!(
        status == 403 && message.contains("'direct' to stagedoor.actions.writeCallers"),
        "{message}"
    );
    deleted.ok();
    let other = depot.backstage.on_behalf_of("guest", "catalog");
    assert_eq!(writes(&depot, &other).await[0].clone().refused().0, 403);
    for token in [depot.guests_template(), depot.backstage.plugin("scaffolder")] {
        assert_eq!(writes(&depot, &token).await.map(|said| said.status), [200, 200]);
    }
    let direct = |config: &str| format!("{config}  actions: {{ writeCallers: [direct] }}\n");
    let depot = Depot::configured("{}", direct).await;
    assert_eq!(
        writes(&depot, &depot.guest()).await.map(|said| said.status),
        [200, 200]
    );
    assert_eq!(writes(&depot, &depot.guests_template()).await[0].status, 403);
}

#[tokio::test]
async fn nobody_without_credentials_is_told_anything() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    for token in ["", "not-a-token"] {
        assert_eq!(
            get(&depot.app, token, &resource(&depot.kind, TEAM, "mine"))
                .await
                .refused()
                .0,
            401
        );
        assert_eq!(
            writes(&depot, token).await.map(|said| said.refused().0),
            [401, 401]
        );
    }
}

const LIMITED: &str = "a-token-with-limits-of-its-own";

/// What a token limited to this permission gets: reading, state, creating, updating, deleting.
async fn limited_to(limits: &str) -> [Said; 5] {
    let limited = |config: &str| {
        let entry = "subject: tests }\n";
        let second = format!(
            "{entry}      - type: static\n        options: {{ token: {LIMITED}, subject: robot }}\n        \
             accessRestrictions: [{{ plugin: ske, {limits} }}]\n"
        );
        config.replace(entry, &second)
    };
    let workshop = holding(&[("requests/a.yaml", &document("there", "small"))]).await;
    let depot = Depot::behind(workshop, "{}", limited).await;
    let write = |name: &str| manifest(&depot.kind, TEAM, name, json!({ "size": "large" }));
    let (app, kind) = (&depot.app, &depot.kind);
    [
        get(app, LIMITED, &resource(kind, TEAM, "there")).await,
        get(app, LIMITED, &crate::ske::portal::state(kind, TEAM, "there")).await,
        post(app, LIMITED, CONFIGURE, &write("new")).await,
        post(app, LIMITED, CONFIGURE, &write("there")).await,
        post(app, LIMITED, DELETE, &named(kind, TEAM, "there")).await,
    ]
}

#[tokio::test]
async fn each_permission_opens_in_the_repository_what_it_names() {
    let needed = ["read", "read", "create", "update", "delete"];
    for allowed in ["read", "create", "update", "delete"] {
        let said = limited_to(&format!("permission: ske.resource.{allowed}")).await;
        for (needed, said) in needed.iter().zip(said) {
            let expected = if *needed == allowed { 200 } else { 403 };
            assert_eq!(said.status, expected, "{allowed}: {needed}: {}", said.body);
            let message = said.body["message"].as_str().unwrap_or_default();
            assert!(expected == 200 || message.contains("ske.resource."), "{message}");
        }
    }
}

#[tokio::test]
async fn a_list_of_objects_is_refused_whatever_its_members_are_in_the_repository_too() {
    let depot = Depot::open().await;
    let member = manifest(&depot.kind, TEAM, "mine", json!({}))["manifest"].clone();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "mine" } });
    let list = |api_version: &str, kind: &str, items: Vec<&Value>| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "mine" }, "items": items });
    for list in [
        list("v1", "List", vec![&member, &secret]),
        list("v1", "SecretList", vec![&secret]),
        list("example.org/v1", "DatabaseList", vec![&member]),
        // Flux and Argo CD go by the items, not by the kind.
        list("example.org/v1", "Database", vec![&secret]),
        list("example.org/v1", "Database", Vec::new()),
    ] {
        let (status, message) = depot.configure(&json!({ "manifest": list })).await.refused();
        assert!(
            status == 400 && message.contains("one object at a time"),
            "{status} {message}"
        );
    }
    assert_eq!(depot.remote.commits().len(), 1);
}
