//! What a person reads on the task page when a step fails: the very lines stand in `docs/backstage.md`.

use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::simulator::{Fault, Target};
use tokio::{net::TcpStream, time::sleep};

use super::{
    document::{self, Shape},
    people,
    platform::{InCluster, InGit, database, manifest},
    running::Portal,
    task::Task,
};
use crate::support::postgres::Postgres;

/// The tasks failed as the document's table says; `changed` is what a reader's portal calls otherwise.
#[track_caller]
fn say(tasks: &[(&str, Task)], changed: &[(&str, &str)]) {
    let told = |task: &Task| {
        let line = task.failure();
        changed
            .iter()
            .fold(line, |line, (ours, theirs)| line.replace(ours, theirs))
    };
    let told: Vec<_> = tasks.iter().map(|(what, task)| (*what, told(task))).collect();
    let shown: Vec<_> = tasks
        .iter()
        .map(|(what, _)| (*what, document::task_page(what)))
        .collect();
    assert_eq!(told, shown, "docs/backstage.md shows what a person reads");
}

async fn configure(portal: &Portal, manifest: Value) -> Task {
    portal.run("configure", json!({ "manifest": manifest })).await
}

async fn trigger(portal: &Portal, stack: &str) -> Task {
    portal.run("trigger", json!({ "stack": stack })).await
}

async fn propose(portal: &Portal, repository: &str) -> Task {
    let values = json!({ "manifest": manifest("team", "orders", "small"), "repoUrl": repository });
    portal.run("propose", values).await
}

/// A database that stays, because somebody who never does has to let it go first.
async fn leaving(platform: &InCluster, name: &str) -> Value {
    let (api, namespace) = (platform.cluster.api(), platform.namespace.as_str());
    let mut object = manifest(namespace, name, "small");
    object["metadata"]["finalizers"] = json!(["example.org/never"]);
    api.create(&database().path(namespace), &object).await.ok();
    api.delete(&database().object_path(namespace, name)).await.ok();
    manifest(namespace, name, "large")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_a_cluster_refuses_says_why_on_the_task_page() {
    let platform = InCluster::open().await;
    let portal = Portal::open(Shape::Alongside, &platform).await;
    let namespace = platform.namespace.as_str();
    let of_kind = |api_version: &str, kind: &str| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "orders", "namespace": namespace } });
    let tasks = [
        (
            "the manifest is no YAML",
            configure(&portal, json!("a: [1")).await,
        ),
        (
            "the platform refuses a value",
            configure(&portal, manifest(namespace, "orders", "huge")).await,
        ),
        (
            "the kind may not be touched",
            configure(&portal, of_kind("v1", "Secret")).await,
        ),
        (
            "the platform knows no such kind",
            configure(&portal, of_kind("marketplace.example.org/v1", "Cache")).await,
        ),
        (
            "the step lacks an input",
            portal.run("forgetful", json!({})).await,
        ),
        (
            "the manifest is very large",
            configure(&portal, manifest(namespace, "orders", &"x".repeat(128 * 1024))).await,
        ),
        (
            "the resource is being deleted",
            configure(&portal, leaving(&platform, "bills").await).await,
        ),
        (
            "there is no such resource",
            portal
                .run("inspect", json!({ "name": "nobody", "namespace": namespace }))
                .await,
        ),
    ];
    say(&tasks, &[(namespace, "team")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_upstream_is_away_or_refuses_says_so_on_the_task_page() {
    let git = InGit::open().await;
    let portal = Portal::open(Shape::Alongside, &git).await;
    let orders = || manifest("team", "orders", "small");
    let address = git.server.url("");
    git.server.set_login("robot", "another");
    let refused = configure(&portal, orders()).await;
    drop(git.server);
    let places = reqwest::Url::parse(&address).unwrap().socket_addrs(|| None);
    let places = places.unwrap();
    // It goes a moment after that.
    while TcpStream::connect(&places[..]).await.is_ok() {
        sleep(Duration::from_millis(20)).await;
    }
    let away = configure(&portal, orders()).await;
    portal.spacelift.lock_stack("production-network", "jane");
    let locked = trigger(&portal, "production-network").await;
    let lock = portal
        .spacelift
        .stack("production-network")
        .unwrap()
        .lock
        .unwrap();
    let since = jiff::Timestamp::from_second(lock.at).unwrap().to_string();
    let unknown = trigger(&portal, "no-such-stack").await;
    portal.spacelift.revoke_key(true);
    let unwelcome = trigger(&portal, "staging-network").await;
    portal.spacelift.stop();
    let tasks = [
        ("the repository refuses our credential", refused),
        ("the repository is away", away),
        ("the stack is locked", locked),
        ("there is no such stack", unknown),
        ("Spacelift refuses our key", unwelcome),
        ("Spacelift is away", trigger(&portal, "staging-network").await),
    ];
    let changed = [
        (address.as_str(), "https://git.example.org/"),
        (&since, "2026-01-05T09:12:44Z"),
    ];
    say(&tasks, &changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_caller_who_may_not_says_so_on_the_task_page() {
    let git = InGit::open().await;
    let closed = "stagedoor: { actions: { writeCallers: [mcp-actions] } }\n";
    let portal = Portal::configured(Shape::Alongside, &git, closed).await;
    let task = configure(&portal, manifest("team", "orders", "small")).await;
    say(&[("the caller may not", task)], &[]);
    assert_eq!(git.remote.commits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_upstream_is_slow_busy_or_in_doubt_says_so_on_the_task_page() {
    let (git, storage) = (InGit::open().await, Postgres::own());
    let more = format!(
        "backend: {{ database: {{ client: pg, connection: '{}' }} }}\nstagedoor: {{ spacelift: {{ timeout: 1s }} }}\n",
        storage.url()
    );
    let portal = Portal::configured(Shape::Alongside, &git, &more).await;
    let announce = || {
        portal.run(
            "announce",
            json!({ "manifest": manifest("team", "orders", "small") }),
        )
    };
    announce().await.output();
    portal.spacelift.fail(Target::TRIGGER, 1, Fault::Hang);
    let silent = trigger(&portal, "staging-network").await;
    portal
        .spacelift
        .always_fail(Target::Any, Fault::RateLimited { retry_after: None });
    let busy = trigger(&portal, "staging-network").await;
    storage.stop();
    let tasks = [
        ("Spacelift does not answer in time", silent),
        ("Spacelift asks us to slow down", busy),
        ("what was submitted cannot be recorded", announce().await),
    ];
    say(&tasks, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_to_be_taken_here_says_so_on_the_task_page() {
    let more = "\
        ske: { mode: kubernetes, kubernetes: { platformName: platform } }\n\
        kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - { name: platform, url: \
        'https://127.0.0.1:9', authProvider: oidc, oidcTokenProvider: microsoft }\n\
        spacelift: { readOnly: true }\n\
        integrations: { github: [{ host: github.com, apiBaseUrl: 'http://127.0.0.1:9', token: token-of-the-portal }] }\n\
        stagedoor:\n  ske:\n    allow: [{ group: marketplace.example.org, kinds: [Database], access: write }]\n    \
        repositories: [{ host: github.com, owner: example, repo: requests }]\n";
    let portal = Portal::configured(Shape::Alongside, &InGit::open().await, more).await;
    let tasks = [
        (
            "the cluster knows people by their own sign-in",
            configure(&portal, manifest("team", "orders", "small")).await,
        ),
        (
            "runs may not be started",
            trigger(&portal, "staging-network").await,
        ),
        (
            "the repository is not opened for requests",
            propose(&portal, "github.com?owner=example&repo=other").await,
        ),
        (
            "the code host is away",
            propose(&portal, "github.com?owner=example&repo=requests").await,
        ),
    ];
    say(&tasks, &[("127.0.0.1:9", "api.github.com")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_stagedoor_says_that_the_action_is_unknown() {
    let mut portal = Portal::open(Shape::Alongside, &InGit::open().await).await;
    portal.stop_stagedoor();
    let task = trigger(&portal, "staging-network").await;
    say(&[("Stagedoor is away", task)], &[]);
    let guest = people::guest(portal.address("auth")).await;
    assert!(!guest.is_empty(), "the portal itself lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_front_of_a_portal_a_failed_step_says_the_same() {
    let portal = Portal::open(Shape::InFront, &InGit::open().await).await;
    let task = configure(&portal, json!("a: [1")).await;
    say(&[("the manifest is no YAML", task)], &[]);
}
