//! Run again, after a merge, after a rejection, beside others: one branch, one pull request, nothing lost, no force.

use serde_json::json;

use super::portal::{BOTH, BRANCH, FILE, Portal, order, order_with};
use crate::support::code_host::Kind;

#[tokio::test]
async fn run_again_it_reuses_branch_and_pull_request_and_commits_nothing() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let first = portal.ask(&order("small")).await.ok();
        let before = portal.writes();
        let mut expected = first.clone();
        expected["created"] = json!(false);
        assert_eq!(portal.ask(&order("small")).await.ok(), expected);
        assert_eq!(portal.writes(), before);
    }
}

#[tokio::test]
async fn a_changed_request_grows_the_open_pull_request_by_a_commit() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let first = portal.ask(&order("small")).await.ok();
        portal.world(|world| world.push(BRANCH, "review.md", Some("a reviewer's edit\n")));
        let second = portal.ask(&order("large")).await.ok();
        assert_eq!(
            (&second["remoteUrl"], &second["created"]),
            (&first["remoteUrl"], &json!(false))
        );
        assert!(portal.file(BRANCH).unwrap().contains("large"));
        let (tip, pulls) = (portal.tip(BRANCH), portal.pulls());
        assert!(tip.files.contains_key("review.md"), "what others put there stays");
        assert_eq!((tip.parents.len(), pulls.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_branch_left_from_a_merged_request_shows_only_the_new_change() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.ask(&order("small")).await.ok();
        portal.world(|world| {
            // Squashed: the branch's own commits are not on main.
            world.settle(1, "merged");
            world.push("main", "other.md", Some("meanwhile\n"));
        });
        let told = portal.ask(&order("large")).await.ok();
        assert_eq!(told["created"], true);
        let (tip, main) = (
            portal.tip(BRANCH),
            portal.world(|world| world.branches["main"].clone()),
        );
        assert!(
            tip.files.contains_key("other.md"),
            "it begins with what main has now"
        );
        assert!(portal.file(BRANCH).unwrap().contains("large"));
        assert!(portal.world(|world| world.is_before(&main, &world.branches[BRANCH])));
        assert_eq!(portal.pulls().len(), 2);
    }
}

#[tokio::test]
async fn a_request_that_was_rejected_can_be_made_again() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.ask(&order("small")).await.ok();
        portal.world(|world| world.settle(1, "closed"));
        let told = portal.ask(&order("small")).await.ok();
        assert_eq!(told["created"], true);
        assert!(portal.file(BRANCH).unwrap().contains("small"));
        assert_eq!(portal.pulls()[1].state, "open");
    }
}

#[tokio::test]
async fn commits_that_are_nowhere_else_are_never_lost() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.ask(&order("small")).await.ok();
        let pushed = portal.world(|world| {
            world.settle(1, "closed");
            world.push(BRANCH, "later.md", Some("pushed after it was closed\n"))
        });
        portal.ask(&order("large")).await.ok();
        assert!(
            portal.world(|world| world.is_before(&pushed, &world.branches[BRANCH])),
            "{kind:?}"
        );
        assert_eq!(portal.host.count("DELETE"), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_pushed_to_a_leftover_branch_before_it_would_be_deleted_is_kept() {
    let portal = Portal::start(Kind::GitLab).await;
    portal.ask(&order("small")).await.ok();
    portal.world(|world| world.settle(1, "closed"));
    // The branch has been looked at by then, and was worth nothing.
    let tree = "GET /api/v4/projects/acme%2Frequests/repository/tree";
    portal.host.before(tree, |world| {
        world.push(BRANCH, "later.md", Some("pushed in the meantime\n"));
    });
    portal.ask(&order("large")).await.ok();
    assert_eq!(portal.host.count("DELETE"), 0);
    assert!(portal.tip(BRANCH).files.contains_key("later.md"));
    assert!(portal.file(BRANCH).unwrap().contains("large"));
}

#[tokio::test]
async fn what_ended_before_the_pull_request_was_opened_is_continued() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let told = portal.ask(&order("small")).await.ok();
        portal.world(|world| world.pulls.clear());
        let again = portal.ask(&order("small")).await.ok();
        assert_eq!(
            (again["created"].as_bool(), &again["branchName"]),
            (Some(true), &told["branchName"])
        );
        assert_eq!(portal.pulls().len(), 1);
    }
}

#[tokio::test]
async fn somebody_who_makes_the_branch_at_the_same_time_is_met_and_not_overwritten() {
    for (kind, create) in [
        (Kind::GitHub, "POST /repos/acme/requests/git/refs"),
        (
            Kind::GitLab,
            "POST /api/v4/projects/acme%2Frequests/repository/commits",
        ),
    ] {
        let portal = Portal::start(kind).await;
        portal.host.before(create, |world| {
            let main = world.branches["main"].clone();
            world.branches.insert(BRANCH.to_owned(), main);
            world.push(BRANCH, "theirs.md", Some("theirs\n"));
        });
        portal.ask(&order("small")).await.ok();
        assert!(portal.file(BRANCH).unwrap().contains("small"));
        let theirs = portal.world(|world| {
            let commits = world.commits.iter();
            let theirs = commits
                .filter(|(_, commit)| commit.files.contains_key("theirs.md"))
                .map(|(id, _)| id.clone());
            theirs
                .collect::<Vec<_>>()
                .iter()
                .any(|id| world.is_before(id, &world.branches[BRANCH]))
        });
        assert!(theirs, "{kind:?}: their commit is still in the branch");
    }
}

#[tokio::test]
async fn somebody_who_changes_the_open_request_at_the_same_time_is_met_and_not_overwritten() {
    for (kind, update) in [
        (Kind::GitHub, "PATCH /repos/acme/requests/git/refs"),
        (
            Kind::GitLab,
            "POST /api/v4/projects/acme%2Frequests/repository/commits",
        ),
    ] {
        let portal = Portal::start(kind).await;
        portal.ask(&order("small")).await.ok();
        portal.host.before(update, |world| {
            world.push(BRANCH, FILE, Some("theirs\n"));
        });
        portal.ask(&order("large")).await.ok();
        let theirs = |world: &mut crate::support::code_host::world::World| {
            let tip = world.tip(BRANCH).clone();
            world.commits[&tip.parents[0]].files[FILE].1.clone()
        };
        assert_eq!(portal.world(theirs), "theirs\n", "{kind:?}");
        assert!(portal.file(BRANCH).unwrap().contains("large"));
    }
}

#[tokio::test]
async fn a_pull_request_that_somebody_opens_at_the_same_time_is_used() {
    for (kind, open) in [
        (Kind::GitHub, "POST /repos/acme/requests/pulls"),
        (
            Kind::GitLab,
            "POST /api/v4/projects/acme%2Frequests/merge_requests",
        ),
    ] {
        let portal = Portal::start(kind).await;
        portal.host.before(open, |world| {
            let sha = world.branches[BRANCH].clone();
            world.pulls.push(crate::support::code_host::world::Pull {
                number: 1,
                head: BRANCH.to_owned(),
                base: "main".to_owned(),
                title: "theirs".to_owned(),
                body: String::new(),
                state: "open",
                sha,
            });
        });
        assert_eq!(portal.ask(&order("small")).await.ok()["created"], false);
        assert_eq!(portal.pulls().len(), 1);
    }
}

#[tokio::test]
async fn a_branch_whose_pull_request_goes_elsewhere_is_left_alone() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.world(|world| {
            let main = world.branches["main"].clone();
            world.branches.insert("next".to_owned(), main);
        });
        portal.ask(&order_with("targetBranch", json!("next"))).await.ok();
        let before = portal.writes();
        let (status, message) = portal.ask(&order("small")).await.refused();
        assert!(status == 409 && message.contains("'next'"), "{status} {message}");
        assert_eq!(portal.writes(), before);
    }
}

#[tokio::test]
async fn ten_requests_for_the_same_at_once_make_one_pull_request() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let wanted = order("small");
        let all = futures_util::future::join_all((0..10).map(|_| portal.ask(&wanted))).await;
        let created = all.into_iter().map(|said| said.ok()["created"] == true);
        assert_eq!(created.filter(|created| *created).count(), 1);
        assert_eq!(portal.pulls().len(), 1);
    }
}
