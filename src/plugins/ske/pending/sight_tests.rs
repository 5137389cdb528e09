//! What a look says of a request: of which state of it, of which change, and of which place.

use serde_json::{Value, json};

use super::{
    lifecycle::Sight,
    testing::{Desk, app_config, gitops, input, reviewed, reviewed_in},
};
use crate::{
    backstage::integrations::{Looked, PullRequestState, RepositoryAddress},
    infra::{clock::unix_seconds, database::on_pool, database::testing::TestDatabase},
};

/// A cluster's object of this size, which the platform has worked through.
fn live(size: &str) -> Sight {
    Sight::Live {
        caught_up: true,
        spec: json!({"size": size, "added": "by the server"}),
    }
}

async fn look(desk: &Desk, sight: &Sight) {
    let seen = desk
        .pending
        .refresh(|_| std::future::ready(Ok(sight.clone())))
        .await;
    seen.unwrap();
}

async fn merge_all(desk: &Desk) {
    let ask = |_: RepositoryAddress, numbers: Vec<u64>| {
        let merged = numbers
            .into_iter()
            .map(|number| (number, PullRequestState::Merged));
        std::future::ready(Looked {
            states: merged.collect(),
            ..Looked::default()
        })
    };
    desk.pending.sweep(ask).await.unwrap();
}

fn hybrid() -> Value {
    let mut config = gitops();
    config["ske"]["mode"] = "hybrid".into();
    config
}

#[tokio::test]
async fn a_merged_change_stays_until_the_live_object_is_as_was_asked() {
    for desk in Desk::both() {
        desk.record(reviewed("Update", "orders", 1)).await;
        merge_all(&desk).await;
        look(&desk, &live("medium")).await;
        assert_eq!(desk.names().await, ["orders"], "nobody has applied it yet");
        look(&desk, &live("small")).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn in_hybrid_a_pushed_change_stays_until_the_live_object_is_as_was_asked() {
    for test in TestDatabase::both() {
        let desk = Desk::with(test, &hybrid());
        desk.record(input("Update", "orders")).await;
        look(&desk, &live("medium")).await;
        assert_eq!(desk.names().await, ["orders"]);
        look(&desk, &live("small")).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_change_that_went_straight_to_the_cluster_was_applied_before_it_was_recorded() {
    for desk in Desk::both() {
        desk.record(input("Update", "orders")).await;
        look(&desk, &live("medium")).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_again_is_compared_with_nothing() {
    const SQL: &str = "update ske_pending_requests set manifest = ': - {['";
    for desk in Desk::both() {
        desk.record(reviewed("Update", "orders", 1)).await;
        merge_all(&desk).await;
        let store = desk.store().await;
        on_pool!(&store.0, |pool| sqlx::query(SQL).execute(pool).await.map(drop)).unwrap();
        look(&desk, &live("medium")).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn what_was_recorded_after_the_look_began_is_not_judged_by_it() {
    for desk in Desk::both() {
        let now = unix_seconds();
        let request = desk.record_at(input("Request", "orders"), now).await;
        let object = request.object().unwrap();
        for began in [now - 5, now] {
            desk.pending.settle(&object, began, &live("small")).await.unwrap();
            assert_eq!(desk.names().await, ["orders"]);
        }
        let settled = desk.pending.settle(&object, now + 1, &live("small")).await;
        settled.unwrap();
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn an_open_pull_request_is_waited_for_although_the_object_is_not_there() {
    for desk in Desk::both() {
        // The branch of a request that was not merged yet is used again.
        desk.record(reviewed("Request", "orders", 1)).await;
        desk.record(reviewed("Update", "orders", 1)).await;
        desk.record(reviewed("Delete", "bills", 2)).await;
        look(&desk, &Sight::Absent).await;
        assert_eq!(desk.names().await, ["bills", "orders"]);
        merge_all(&desk).await;
        look(&desk, &Sight::Absent).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn in_gitops_a_pull_request_to_a_folder_or_branch_that_we_do_not_read_concerns_another_platform() {
    let ours = json!({"host": "github.com", "owner": "O", "repo": "state"});
    let with = |mut config: Value, scm: [(&str, &str); 2], entry: [(&str, &str); 2]| {
        let mut ours = ours.clone();
        for (key, value) in entry {
            ours[key] = value.into();
        }
        for (key, value) in scm {
            config["ske"]["scm"][key] = value.into();
        }
        config["stagedoor"] = json!({"ske": {"repositories": [ours]}});
        config["integrations"]["github"][0]["token"] = "t".into();
        config
    };
    let prod = [("path", "clusters/prod"), ("branch", "main")];
    for (scm, entry, seen) in [
        (prod, [("path", ""), ("branch", "main")], false),
        (prod, [("path", "clusters/dev"), ("branch", "main")], false),
        (prod, [("path", "clusters/prod"), ("branch", "dev")], false),
        (prod, [("path", "clusters/prod"), ("branch", "main")], true),
        (
            [("path", "kratix-requests"), ("branch", "main")],
            [("path", ""), ("branch", "main")],
            true,
        ),
    ] {
        let desk = Desk::with(TestDatabase::sqlite(), &with(gitops(), scm, entry));
        desk.record(reviewed_in("O/state", "Update", "orders", 1)).await;
        desk.record(reviewed_in("O/state", "Delete", "bills", 2)).await;
        merge_all(&desk).await;
        look(&desk, &Sight::Absent).await;
        let left: &[&str] = if seen { &[] } else { &["bills", "orders"] };
        assert_eq!(desk.names().await, left, "{scm:?} {entry:?}");
    }
    // Where somebody else writes the pull requests, nothing tells the folder.
    let mut config = with(app_config(), prod, [("path", ""), ("branch", "main")]);
    config["ske"] = gitops()["ske"].clone();
    config["ske"]["scm"]["path"] = "clusters/prod".into();
    config["stagedoor"]["ske"]["repositories"][0]["repo"] = "other".into();
    let desk = Desk::with(TestDatabase::sqlite(), &config);
    desk.record(reviewed_in("O/state", "Delete", "bills", 2)).await;
    merge_all(&desk).await;
    look(&desk, &Sight::Absent).await;
    assert!(desk.names().await.is_empty());
}
