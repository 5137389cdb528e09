//! What the portal's own list of actions shows of ours.

use serde_json::Value;

use super::{document::Shape, platform::InGit, running::Portal};

/// Those that the scaffolder lists, and that Stagedoor does.
async fn both_lists(portal: &Portal) -> (Vec<Value>, Vec<Value>) {
    let theirs = portal.get("/api/scaffolder/v2/actions").await;
    let mut ours = Vec::new();
    for plugin in ["ske", "spacelift-io"] {
        let path = format!("/api/{plugin}/.backstage/actions/v1/actions");
        let listed = portal.get(&path).await;
        ours.extend(listed["actions"].as_array().unwrap().clone());
    }
    (theirs.as_array().unwrap().clone(), ours)
}

/// Every action of ours stands in the portal's list as we describe it.
pub(super) async fn all_are_listed(portal: &Portal) {
    let (theirs, ours) = both_lists(portal).await;
    assert!(ours.len() >= 11, "{}", ours.len());
    for action in ours {
        let id = &action["id"];
        let listed = theirs.iter().find(|listed| listed["id"] == *id);
        let listed = listed.unwrap_or_else(|| panic!("{id} is not listed"));
        assert_eq!(listed["description"], action["description"], "{id}");
        for schema in ["input", "output"] {
            assert_eq!(
                listed["schema"][schema], action["schema"][schema],
                "{id}: {schema}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scaffolder_of_a_real_backend_lists_every_action_with_its_schemas() {
    let portal = Portal::open(Shape::Alongside, &InGit::open().await).await;
    all_are_listed(&portal).await;
}
