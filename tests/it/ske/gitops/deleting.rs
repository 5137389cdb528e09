//! `POST /api/ske/delete-resource` in gitops mode: the document goes, and what stands beside it stays.

use serde_json::json;

use super::place::{Depot, MINE, TEAM, document, hash_of, holding};
use crate::ske::{
    place::DELETE,
    portal::{named, post},
};

#[tokio::test]
async fn the_answer_is_the_commit_that_removes_the_file() {
    let depot = Depot::holding(&[
        ("requests/a.yaml", &document("mine", "small")),
        ("requests/b.yaml", &document("yours", "small")),
    ])
    .await;
    let answer = depot.delete("mine").await.ok();
    assert_eq!(answer, json!({ "commitHash": depot.head() }));
    assert_eq!(depot.files(), ["requests/b.yaml"]);
    assert_eq!(depot.remote.commits().len(), 3);
    assert_eq!(depot.read("mine").await.refused().0, 404, "at once");
}

#[tokio::test]
async fn the_commit_of_a_deletion_says_so_and_who_asked() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let body = named(&depot.kind, TEAM, "mine");
    post(&depot.app, &depot.guest(), DELETE, &body).await.ok();
    assert_eq!(depot.told("%an <%ae>"), "SKE <ske@backstage.io>");
    assert_eq!(depot.told("%s"), "chore: delete Database team/mine");
    assert_eq!(
        depot.told("%(trailers:key=Requested-by,valueonly)").trim(),
        "user:default/guest"
    );
}

#[tokio::test]
async fn deleting_what_is_not_there_is_a_404_and_makes_no_commit() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    for (namespace, name) in [(TEAM, "other"), ("default", "mine"), ("other", "mine")] {
        let (status, message) = depot.delete_in(namespace, name).await.refused();
        assert_eq!(status, 404, "{message}");
        assert!(message.contains(name), "{message}");
    }
    assert_eq!(depot.remote.commits().len(), 2);
    depot.delete("mine").await.ok();
    assert_eq!(
        depot.delete("mine").await.refused().0,
        404,
        "and so is deleting twice"
    );
    assert_eq!(depot.remote.commits().len(), 3);
}

#[tokio::test]
async fn of_several_documents_only_the_one_goes_with_what_belongs_to_it() {
    let text = format!(
        "# The team's databases.\n{}---\n# about mine\n{}---\n# about the last\n{}",
        document("first", "small"),
        document("mine", "small"),
        document("last", "small")
    );
    let depot = Depot::holding(&[("requests/all.yaml", &text)]).await;
    depot.delete("mine").await.ok();
    let changed = depot.changed_lines();
    assert!(changed.iter().all(|line| line.starts_with('-')), "{changed:?}");
    let left = depot.remote.show("requests/all.yaml");
    let expected = format!(
        "# The team's databases.\n{}---\n# about the last\n{}",
        document("first", "small"),
        document("last", "small")
    );
    assert_eq!(format!("{left}\n"), expected);
    for name in ["first", "last"] {
        depot.read(name).await.ok();
    }
    depot.delete("first").await.ok();
    depot.delete("last").await.ok();
    assert!(
        !depot.files().contains(&"requests/all.yaml".to_owned()),
        "{:?}",
        depot.files()
    );
}

#[tokio::test]
async fn the_folder_outlives_its_last_object_so_that_it_can_be_pruned() {
    for layout in ["flat", "nested"] {
        let workshop = holding(&[]).await;
        let depot = Depot::behind(workshop, &format!("{{ layout: {layout} }}"), str::to_owned).await;
        depot.write("mine", json!({ "size": "small" })).await.ok();
        let commit = hash_of(depot.delete("mine").await);
        assert_eq!(depot.head(), commit, "in one commit");
        let left = depot.files();
        assert!(
            left.len() == 1 && left[0].ends_with("/.gitkeep"),
            "{layout}: {left:?}"
        );
        depot.write("mine", json!({ "size": "small" })).await.ok();
        depot.delete("mine").await.ok();
        assert_eq!(depot.files(), left, "{layout}");
    }
}

#[tokio::test]
async fn one_identity_in_several_documents_is_not_written_at_all() {
    let depot = Depot::holding(&[
        ("requests/a.yaml", &document("mine", "small")),
        (MINE, &document("mine", "large")),
    ])
    .await;
    for said in [
        depot.write("mine", json!({ "size": "medium" })).await,
        depot.delete("mine").await,
    ] {
        let (status, message) = said.refused();
        assert_eq!(status, 409, "{message}");
        assert!(
            message.contains("requests/a.yaml") && message.contains(MINE),
            "{message}"
        );
    }
    assert_eq!(depot.remote.commits().len(), 2);
    depot.write("other", json!({ "size": "small" })).await.ok();
}
