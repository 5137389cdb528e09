//! What a person reads on the task page when a step fails: the very lines stand in `docs/backstage.md`.

use serde_json::{Value, json};

use super::{
    document::{self, Shape},
    people,
    platform::{InCluster, InGit, manifest},
    running::Portal,
    task::Task,
};

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
    portal.spacelift.stop();
    let tasks = [
        ("the repository refuses our credential", refused),
        ("the repository is away", away),
        ("the stack is locked", locked),
        ("there is no such stack", unknown),
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
