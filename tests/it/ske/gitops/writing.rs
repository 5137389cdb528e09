//! `POST /api/ske/configure-resource` in gitops mode: one object, one commit.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::place::{Depot, FOLDER, MINE, TEAM, commit_of, document, document_in, holding};
use crate::ske::{
    place::CONFIGURE,
    portal::{manifest, post},
};

#[tokio::test]
async fn the_answer_is_the_commit_at_the_head_of_the_branch_and_nothing_else() {
    let depot = Depot::open().await;
    let created = depot.write("mine", json!({ "size": "small" })).await.ok();
    assert_eq!(created, json!({ "commitsha": depot.head(), "created": true }));
    let updated = depot.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(updated, json!({ "commitsha": depot.head(), "created": false }));
    assert_ne!(created["commitsha"], updated["commitsha"]);
    assert_eq!(depot.remote.commits().len(), 3);
    assert_eq!(depot.files(), [MINE]);
}

#[tokio::test]
async fn when_nothing_changes_there_is_no_commit_and_the_answer_is_the_head() {
    let depot = Depot::open().await;
    depot
        .write("mine", json!({ "size": "small", "tags": ["a"] }))
        .await
        .ok();
    depot.remote.push_file("README", "changed by hand\n");
    let head = depot.head();
    for _ in 0..2 {
        let again = depot
            .write("mine", json!({ "tags": ["a"], "size": "small" }))
            .await;
        assert_eq!(commit_of(again), head);
    }
    assert_eq!(depot.head(), head);
}

/// The path at which an object that is not there yet is written with this configuration.
async fn place_of(layout: &str, path: &str, object: Value) -> String {
    let ours = format!("{{ layout: {layout}, allow: [{{ group: '*', kinds: ['*'], access: write }}] }}");
    let change = |config: &str| config.replace(&format!("path: {FOLDER}"), &format!("path: '{path}'"));
    let depot = Depot::configured(&ours, change).await;
    let object = json!({ "manifest": object });
    depot.configure(&object).await.ok();
    let mut files = depot.remote.files();
    files.retain(|file| file != "README");
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn a_new_object_goes_where_the_layout_says() {
    let request = manifest(&super::place::database(), TEAM, "mine", json!({}))["manifest"].clone();
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mine" } });
    let promise = json!({
        "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise", "metadata": { "name": "mine", "namespace": TEAM },
    });
    for (layout, path, object, expected) in [
        (
            "flat",
            "requests",
            &request,
            "requests/team_database.example.org_mine.yaml",
        ),
        ("flat", "", &request, "team_database.example.org_mine.yaml"),
        ("flat", "/a/b/", &map, "a/b/default_configmap.core_mine.yaml"),
        ("flat", "", &promise, "promise.platform.kratix.io_mine.yaml"),
        (
            "nested",
            "requests",
            &request,
            "requests/database.example.org/team/mine.yaml",
        ),
        ("nested", "", &map, "configmap.core/default/mine.yaml"),
        ("nested", "", &promise, "promise.platform.kratix.io/mine.yaml"),
    ] {
        assert_eq!(place_of(layout, path, object.clone()).await, expected);
    }
}

#[tokio::test]
async fn an_update_happens_in_place_wherever_the_object_stands() {
    for layout in ["flat", "nested"] {
        let workshop = holding(&[("requests/by/hand.yml", &document("mine", "small"))]).await;
        let depot = Depot::behind(workshop, &format!("{{ layout: {layout} }}"), str::to_owned).await;
        depot.write("mine", json!({ "size": "large" })).await.ok();
        assert_eq!(depot.files(), ["requests/by/hand.yml"], "no second copy");
        assert_eq!(depot.changed_lines(), ["-  size: small", "+  size: large"]);
    }
}

#[tokio::test]
async fn an_object_that_moved_meanwhile_is_changed_where_it_is_now() {
    let depot = Depot::holding(&[("requests/old.yaml", &document("mine", "small"))]).await;
    depot.read("mine").await.ok();
    let clone = depot.remote.working_copy();
    clone.git(&["mv", "requests/old.yaml", "requests/new.yaml"]);
    super::place::push(&clone);
    depot.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(depot.files(), ["requests/new.yaml"]);
    assert!(depot.remote.show("requests/new.yaml").contains("size: large"));
}

#[tokio::test]
async fn objects_outside_default_have_files_of_their_own() {
    let depot = Depot::open().await;
    for namespace in ["team-a", "team-b", "default"] {
        depot
            .write_in(namespace, "mine", json!({ "size": namespace }))
            .await
            .ok();
    }
    let bare = json!({ "manifest": depot.kind.request("bare", json!({})) });
    depot.configure(&bare).await.ok();
    assert_eq!(
        depot.files(),
        [
            "requests/default_database.example.org_bare.yaml",
            "requests/default_database.example.org_mine.yaml",
            "requests/team-a_database.example.org_mine.yaml",
            "requests/team-b_database.example.org_mine.yaml",
        ]
    );
    depot
        .write_in("team-a", "mine", json!({ "size": "changed" }))
        .await
        .ok();
    assert_eq!(depot.files().len(), 4);
    assert_eq!(
        Depot::spec_of(depot.read_in("team-b", "mine").await)["size"],
        "team-b"
    );
    let read = depot.read_in("default", "bare").await.ok();
    assert_eq!(read["manifest"]["metadata"]["namespace"], "default");
}

#[tokio::test]
async fn the_commit_names_author_object_and_who_asked() {
    let depot = Depot::open().await;
    let body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "small" }));
    post(&depot.app, &depot.guests_template(), CONFIGURE, &body)
        .await
        .ok();
    assert_eq!(depot.told("%an <%ae>"), "SKE <ske@backstage.io>");
    assert_eq!(depot.told("%s"), "chore: configure Database team/mine");
    assert_eq!(
        depot.told("%(trailers:key=Requested-by,valueonly)").trim(),
        "user:default/guest"
    );
    let promise = json!({ "manifest": {
        "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise", "metadata": { "name": "redis" },
    }});
    let open = "{ allow: [{ group: '*', kinds: ['*'], access: write }] }";
    let depot = Depot::with(open).await;
    depot.configure(&promise).await.ok();
    assert!(
        depot.told("%s").starts_with("chore: configure Promise "),
        "{}",
        depot.told("%s")
    );
    let service = depot.told("%(trailers:key=Requested-by,valueonly)");
    assert!(service.contains("tests"), "{service}");
}

#[tokio::test]
async fn the_author_is_the_configured_one() {
    let named = |config: &str| {
        let author = "defaultAuthor: { name: 'Platform Team', email: platform@example.com }";
        config.replace(&format!("path: {FOLDER}"), &format!("path: {FOLDER}, {author}"))
    };
    let depot = Depot::configured("{}", named).await;
    depot.write("mine", json!({})).await.ok();
    assert_eq!(depot.told("%an <%ae>"), "Platform Team <platform@example.com>");
}

#[tokio::test]
async fn a_users_name_adds_nothing_to_the_message_but_itself() {
    let depot = Depot::open().await;
    let crooked = "jane\n\nSigned-off-by: Boss <boss@example.com>\nRequested-by: user:default/other";
    let token = depot.backstage.on_behalf_of(crooked, "scaffolder");
    let body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "small" }));
    let said = post(&depot.app, &token, CONFIGURE, &body).await;
    // Whether such a user is somebody is for authentication to say.
    if said.status == 200 {
        let message = depot.told("%B");
        assert_eq!(message.matches('\n').count(), 2, "{message}");
        let asked = depot.told("%(trailers:key=Requested-by,valueonly)");
        assert!(asked.starts_with("user:default/jane%0A%0A"), "{asked}");
        assert_eq!(depot.told("%(trailers:key=Signed-off-by,valueonly)"), "");
    } else {
        assert_eq!(said.refused().0, 401);
    }
}

#[tokio::test]
async fn what_belongs_to_the_platform_is_not_written() {
    let depot = Depot::open().await;
    let mut body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "small" }));
    let object = &mut body["manifest"];
    object["status"] = json!({ "conditions": [] });
    for (field, value) in [
        ("uid", json!("1")),
        ("resourceVersion", json!("2")),
        ("generation", json!(3)),
        ("creationTimestamp", json!("2026-01-01T00:00:00Z")),
        ("managedFields", json!([{}])),
        (
            "labels",
            json!({ "kratix.io/promise-name": "database", "team": "a" }),
        ),
        (
            "annotations",
            json!({ "kratix.io/trace-parent": "00", "note": "kept" }),
        ),
        ("finalizers", json!(["kratix.io/work-cleanup"])),
    ] {
        object["metadata"][field] = value;
    }
    depot.configure(&body).await.ok();
    let text = depot.remote.show(MINE);
    assert_eq!(
        depot.read("mine").await.ok()["manifest"]["metadata"],
        json!({ "name": "mine", "namespace": TEAM, "labels": { "team": "a" }, "annotations": { "note": "kept" } }),
        "{text}"
    );
    for gone in [
        "status",
        "kratix.io",
        "resourceVersion",
        "generation",
        "managedFields",
    ] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
}

#[tokio::test]
async fn the_spec_is_replaced_as_a_whole_and_labels_of_others_stay() {
    let before = document("mine", "small")
        .replace("  size: small\n", "  size: small\n  replicas: 3\n")
        .replace("metadata:\n", "metadata:\n  labels: {team: a, by: hand}\n");
    let depot = Depot::holding(&[("requests/a.yaml", &before)]).await;
    let mut body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "large" }));
    body["manifest"]["metadata"]["labels"] = json!({ "team": "b" });
    depot.configure(&body).await.ok();
    let manifest = depot.read("mine").await.ok()["manifest"].clone();
    assert_eq!(manifest["spec"], json!({ "size": "large" }));
    assert_eq!(
        manifest["metadata"]["labels"],
        json!({ "team": "b", "by": "hand" })
    );
}

#[tokio::test]
async fn text_and_object_make_the_same_file() {
    let depot = Depot::open().await;
    let spec = json!({ "size": "small", "replicas": 2, "tags": ["a", "1"] });
    depot.write("mine", spec).await.ok();
    let head = depot.head();
    let text = "# by a form\napiVersion: example.org/v1\nkind: Database\nmetadata: {name: mine, namespace: team}\nspec:\n  \
                size: small # how large\n  replicas: 2\n  tags: [a, \"1\"]\n";
    assert_eq!(
        commit_of(depot.configure(&json!({ "manifest": text })).await),
        head
    );
    let untouched =
        "apiVersion: example.org/v1\nkind: Database\nmetadata: {name: empty, namespace: team}\nspec:\n";
    depot.configure(&json!({ "manifest": untouched })).await.ok();
    assert_eq!(Depot::spec_of(depot.read("empty").await), json!({}));
}

#[tokio::test]
async fn where_a_file_of_somebody_else_stands_nothing_is_overwritten() {
    let depot = Depot::holding(&[(MINE, "# notes of a person\n")]).await;
    depot.write("mine", json!({ "size": "small" })).await.ok();
    assert!(depot.remote.show(MINE).contains("# notes of a person"));
    assert_eq!(Depot::spec_of(depot.read("mine").await)["size"], "small");
}

#[tokio::test]
async fn an_item_of_a_list_is_read_and_not_edited() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: example.org/v1\n  kind: Database\n  metadata: {name: mine, \
                namespace: team}\n  spec: {size: small}\n";
    let depot = Depot::holding(&[("requests/list.yaml", list)]).await;
    depot.read("mine").await.ok();
    for said in [
        depot.write("mine", json!({ "size": "large" })).await,
        depot.delete("mine").await,
    ] {
        let (status, message) = said.refused();
        assert!([409, 422].contains(&status), "{status} {message}");
        assert!(
            message.contains("requests/list.yaml") && message.contains("item of a list"),
            "{message}"
        );
    }
    assert_eq!(depot.remote.show("requests/list.yaml"), list.trim_end());
    assert_eq!(depot.remote.commits().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_the_same_object_at_once_all_succeed_and_there_is_one() {
    let depot = Depot::open().await;
    let sizes: Vec<_> = (0..16).map(|number| format!("size-{number}")).collect();
    let writes = sizes
        .iter()
        .map(|size| depot.write("mine", json!({ "size": size })));
    let commits: Vec<_> = join_all(writes).await.into_iter().map(commit_of).collect();
    assert_eq!(depot.files(), [MINE]);
    assert_eq!(depot.remote.commits().len(), 17);
    for (size, commit) in sizes.iter().zip(&commits) {
        let then = depot.remote.git(&["show", &format!("{commit}:{MINE}")]);
        assert!(
            then.contains(&format!("size: {size}\n")) || then.ends_with(size.as_str()),
            "{then}"
        );
    }
    depot.remote.must_be_linear_and_whole();
}

#[tokio::test]
async fn a_neighbour_that_cannot_be_read_stays_as_it_is() {
    let broken = format!("{}---\nbroken: [\n", document("mine", "small"));
    let depot = Depot::holding(&[("requests/a.yaml", &broken)]).await;
    depot.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(depot.changed_lines(), ["-  size: small", "+  size: large"]);
    assert!(depot.remote.show("requests/a.yaml").ends_with("---\nbroken: ["));
}

#[tokio::test]
async fn what_flux_owns_is_no_reason_for_a_warning_where_the_change_goes_to_the_repository() {
    let owned = document_in(TEAM, "mine", "small").replace(
        "metadata:\n",
        "metadata:\n  labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}\n",
    );
    let depot = Depot::holding(&[("requests/a.yaml", &owned)]).await;
    let answer = depot.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(answer, json!({ "commitsha": depot.head(), "created": false }));
}

#[tokio::test]
async fn what_others_pushed_a_moment_ago_is_known_to_every_write() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    // From here on reads may be some seconds old.
    for number in 0..3 {
        depot.read("mine").await.ok();
        let (new, other) = (format!("new-{number}"), format!("other-{number}"));
        let clone = depot.remote.working_copy();
        for name in [&new, &other] {
            clone.write(&format!("requests/{name}-by-hand.yaml"), &document(name, "small"));
        }
        super::place::push(&clone);
        depot.write(&new, json!({ "size": "large" })).await.ok();
        let files = depot.files();
        assert_eq!(
            files.iter().filter(|file| file.contains(&new)).count(),
            1,
            "{files:?}"
        );
        depot.delete(&other).await.ok();
        // And what they took away is made anew.
        depot.read("mine").await.ok();
        let clone = depot.remote.working_copy();
        clone.git(&["rm", "--quiet", &format!("requests/{new}-by-hand.yaml")]);
        super::place::push(&clone);
        depot.write(&new, json!({ "size": "large" })).await.ok();
        let made = format!("requests/team_database.example.org_{new}.yaml");
        assert!(depot.files().contains(&made), "{:?}", depot.files());
    }
}

#[tokio::test]
async fn what_may_stand_in_a_broken_file_is_not_written_beside_it() {
    let broken = document("mine", "small") + "  more: [\n";
    let depot = Depot::holding(&[("requests/broken.yaml", &broken)]).await;
    let (status, message) = depot.write("mine", json!({})).await.refused();
    assert!(
        status == 409 && message.contains("requests/broken.yaml"),
        "{status} {message}"
    );
    depot.write("other", json!({})).await.ok();
    assert_eq!(depot.remote.show("requests/broken.yaml"), broken.trim_end());
}
