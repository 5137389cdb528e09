//! What installed Promises open of an account that may do everything, and for how long.

use std::time::Duration;

use serde_json::json;

use super::{
    guard::{KRATIX, tries},
    kubernetes::manage,
    place::{CONFIGURE, Place, until, until_within},
    portal::{get, manifest, post},
};
use crate::support::kubernetes::{RequestKind, Rule, Subject};

#[tokio::test]
async fn a_kind_is_closed_until_its_promise_is_there_and_opens_with_it() {
    let place = Place::open().await;
    let late = RequestKind::new("Late");
    place.cluster.define(&late.definition()).await;
    let path = super::portal::resource(&late, &place.namespace, "mine");
    let (status, message) = get(&place.app, &place.guest(), &path).await.refused();
    assert!(
        status == 403 && message.contains("no Promise offers it"),
        "{message}"
    );
    let promise = json!({
        "apiVersion": KRATIX, "kind": "Promise", "metadata": { "name": late.promise },
        "spec": { "api": late.definition() },
    });
    let promises = format!("/apis/{KRATIX}/promises");
    place.cluster.api().create(&promises, &promise).await.ok();
    let guest = place.guest();
    until(404, || get(&place.app, &guest, &path)).await;
}

#[tokio::test]
async fn a_promise_that_was_removed_no_longer_opens_its_kind() {
    let place = Place::open().await;
    place.create("mine").await;
    let (guest, path) = (
        place.guest(),
        super::portal::resource(&place.kind, &place.namespace, "mine"),
    );
    // From here on the Promise is remembered.
    get(&place.app, &guest, &path).await.ok();
    place.cluster.api().delete(&place.kind.promise_path()).await.ok();
    // A minute is what the operator is told; the rest is for a slow machine.
    let (_, message) = until_within(Duration::from_secs(75), 403, || get(&place.app, &guest, &path))
        .await
        .refused();
    assert!(message.contains("no Promise offers it"), "{message}");
    for (what, said) in tries(&place, &place.kind.api_version(), "Database", "mine").await {
        assert_eq!(said.refused().0, 403, "{what}");
    }
    assert!(place.live("mine").await["metadata"]["uid"].is_string());
}

/// As `kubectl delete promise` leaves it: there, until Kratix has taken its requests away.
async fn uninstall(place: &Place) {
    let finalizer = |promise: &mut serde_json::Value| {
        promise["metadata"]["finalizers"] = json!(["kratix.io/resource-request-cleanup"]);
    };
    let promise = place.kind.promise_path();
    place.cluster.api().change(&promise, finalizer).await.ok();
    place.cluster.api().delete(&promise).await.ok();
}

/// Nothing is written for a Promise that takes it away again, and the rest goes on.
async fn offers_nothing_to_write(place: &Place) {
    place.create("mine").await;
    place.write("mine", json!({ "size": "medium" })).await.ok();
    uninstall(place).await;
    for name in ["mine", "another"] {
        let (status, message) = place.write(name, json!({ "size": "large" })).await.refused();
        assert!(
            status == 409 && message.contains(&format!("'{}'", place.kind.promise)),
            "{name}: {status} {message}"
        );
    }
    assert_eq!(place.live("mine").await["spec"]["size"], "medium");
    assert_eq!(place.read("another").await.status, 404);
    assert_eq!(place.read("mine").await.status, 200);
    place.delete("mine").await.ok();
}

#[tokio::test]
async fn a_promise_on_its_way_out_offers_nothing_to_write() {
    offers_nothing_to_write(&Place::open().await).await;
}

#[tokio::test]
async fn a_leaving_promise_closes_what_a_list_opens_too() {
    offers_nothing_to_write(&Place::with("{ allow: [{ group: '*', kinds: ['*'], access: write }] }").await)
        .await;
}

/// Lets this user do everything in the cluster.
async fn admit(place: &Place, user: &Subject) {
    place.cluster.allow(user, &Rule::on("*", &["*"])).await;
}

fn impersonation(robot: &str) -> String {
    format!("{{ impersonation: {{ user: 'b:{{namespace}}/{{name}}', services: {{ tests: '{robot}' }} }} }}")
}

#[tokio::test]
async fn a_leaving_promise_is_closed_to_impersonated_users_too() {
    let speaks = Rule::on("", &["users"]).verbs(&["impersonate"]);
    // What the account may not list, the user may.
    for (robot, rule) in [("robot-of-all", Rule::on("*", &["*"])), ("robot-of-one", speaks)] {
        let place = Place::limited(&impersonation(robot), str::to_owned, &rule).await;
        admit(&place, &Subject::User(robot.to_owned())).await;
        offers_nothing_to_write(&place).await;
    }
}

#[tokio::test]
async fn where_promises_cannot_be_listed_the_cluster_alone_decides() {
    let speaks = Rule::on("", &["users"]).verbs(&["impersonate"]);
    let place = Place::limited(&impersonation("robot-blind"), str::to_owned, &speaks).await;
    let robot = Subject::User("robot-blind".to_owned());
    manage(&place.cluster, &robot, &place.kind, &place.namespace).await;
    uninstall(&place).await;
    place.write("mine", json!({ "size": "small" })).await.ok();
}

#[tokio::test]
async fn a_leaving_promise_is_closed_to_people_with_their_own_token() {
    let place = Place::configured("{}", |config| {
        let (before, after) = config.split_once("authProvider: serviceAccount\n").unwrap();
        let (_, after) = after.split_once('\n').unwrap();
        let entry = "authProvider: oidc\n          oidcTokenProvider: keycloak\n";
        format!("{before}{entry}{after}  actions: {{ writeCallers: [direct] }}\n")
    })
    .await;
    let name = place.namespace.clone();
    admit(&place, &Subject::oidc_user(&name)).await;
    let tok = place.cluster.issuer().token(&name, &[]);
    let token = place.backstage.user(&name, json!({ "tok": tok }));
    let body = manifest(&place.kind, &place.namespace, "mine", json!({ "size": "small" }));
    post(&place.app, &token, CONFIGURE, &body).await.ok();
    uninstall(&place).await;
    let body = manifest(&place.kind, &place.namespace, "mine", json!({ "size": "large" }));
    let (status, message) = post(&place.app, &token, CONFIGURE, &body).await.refused();
    assert!(
        status == 409 && message.contains(&place.kind.promise),
        "{status} {message}"
    );
}

#[tokio::test]
async fn a_promise_installed_again_is_written_to_at_once() {
    let place = Place::open().await;
    place.write("mine", json!({ "size": "small" })).await.ok();
    uninstall(&place).await;
    assert_eq!(place.write("mine", json!({ "size": "large" })).await.status, 409);
    let promise = place.kind.promise_path();
    let free = |promise: &mut serde_json::Value| promise["metadata"]["finalizers"] = json!([]);
    place.cluster.api().change(&promise, free).await;
    place
        .cluster
        .api()
        .wait_for(&promise, |answer| answer.status == 404)
        .await;
    let (status, message) = place.write("mine", json!({ "size": "large" })).await.refused();
    assert!(
        status == 403 && message.contains("no Promise offers it"),
        "{status} {message}"
    );
    for name in [place.kind.promise.clone(), format!("{}-2", place.kind.promise)] {
        let promise = json!({
            "apiVersion": KRATIX, "kind": "Promise", "metadata": { "name": name },
            "spec": { "api": place.kind.definition() },
        });
        let promises = format!("/apis/{KRATIX}/promises");
        place.cluster.api().create(&promises, &promise).await.ok();
        until(200, || place.write("mine", json!({ "size": "large" }))).await;
        // Under another name it is found the next time without a wait.
        place
            .cluster
            .api()
            .delete(&format!("{promises}/{name}"))
            .await
            .ok();
    }
}

#[tokio::test]
async fn where_promises_may_not_be_listed_nothing_is_open_and_the_sentence_says_why() {
    let place = Place::may(&Rule::on("*", &["*"]).verbs(&["get", "create", "update", "delete"])).await;
    place.create("mine").await;
    for (what, said) in tries(&place, &place.kind.api_version(), "Database", "mine").await {
        let (status, message) = said.refused();
        assert_eq!(status, 403, "{what}: {message}");
        assert!(message.contains("cannot list resource \"promises\""), "{message}");
        assert!(message.contains("stagedoor.ske.allow"), "{message}");
    }
    // What needs no list does not ask for it.
    let (status, message) = tries(&place, "v1", "Secret", "mine").await.map(|(_, said)| said)[0]
        .clone()
        .refused();
    assert!(status == 403 && !message.contains("list"), "{message}");
    let [read, ..] = tries(&place, KRATIX, "Promise", &place.kind.promise).await;
    assert_eq!(read.1.status, 200);
}

#[tokio::test]
async fn a_kind_with_a_dash_is_served_like_any_other() {
    let mut place = Place::open().await;
    place.kind = place.cluster.promise("paved-path-demo").await;
    place.write("mine", json!({ "size": "small" })).await.ok();
    let read = place.read("mine").await.ok();
    assert_eq!(read["manifest"]["kind"], "paved-path-demo");
    place.state("mine").await;
    place.delete("mine").await.ok();
}
