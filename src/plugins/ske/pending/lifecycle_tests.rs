//! The life of a recorded request, with a scripted platform and scripted code hosts, on both kinds of database.

use std::sync::Mutex;

use super::{
    lifecycle::Sight,
    refresh::{Round, Unseen},
    request::{Phase, Review},
    testing::{Desk, app_config, gitops, input, reviewed, reviewed_in},
};
use crate::{
    backstage::integrations::{HostError, Looked, PullRequestState, RepositoryAddress},
    infra::{clock::unix_seconds, database::testing::TestDatabase},
    plugins::ske::{domain::ObjectRef, error::SkeError},
};

const LIVE: Sight = Sight::Present { caught_up: true };
const DAY: i64 = 24 * 60 * 60;

/// When a look began that came after what was recorded until now.
pub(super) fn later() -> i64 {
    unix_seconds() + 1
}

pub(super) async fn refresh(desk: &Desk, seen: impl Fn() -> Result<Sight, Unseen>) -> Round {
    desk.pending
        .refresh(|_| std::future::ready(seen()))
        .await
        .unwrap()
}

/// The pull requests of these numbers are open, and nobody can say anything of the others.
pub(super) async fn sweep_seeing(desk: &Desk, seen: &[u64]) {
    let ask = |_: RepositoryAddress, numbers: Vec<u64>| {
        let open = numbers.into_iter().filter(|number| seen.contains(number));
        std::future::ready(Looked {
            states: open.map(|number| (number, PullRequestState::Open)).collect(),
            trouble: Some(HostError::UnknownHost("github.com".to_owned())),
        })
    };
    desk.pending.sweep(ask).await.unwrap();
}

/// Every pull request is in this state.
async fn sweep(desk: &Desk, state: PullRequestState) {
    let ask = |_: RepositoryAddress, numbers: Vec<u64>| {
        let states = numbers.into_iter().map(|number| (number, state)).collect();
        std::future::ready(Looked {
            states,
            trouble: None,
        })
    };
    desk.pending.sweep(ask).await.unwrap();
}

#[tokio::test]
async fn a_round_withdraws_what_has_come_about_and_leaves_the_rest() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        desk.record(input("Delete", "orders")).await;
        refresh(&desk, || Ok(LIVE)).await;
        let [left] = <[_; 1]>::try_from(desk.recorded().await).unwrap();
        assert_eq!(left.phase(), Phase::PendingDeletion);
        refresh(&desk, || Ok(Sight::Absent)).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_look_that_failed_withdraws_nothing() {
    for desk in Desk::both() {
        for action in ["Request", "Delete"] {
            desk.record(input(action, "orders")).await;
        }
        assert_eq!(
            refresh(&desk, || Err(Unseen::Failed(SkeError::NoCluster))).await,
            Round::Done
        );
        assert_eq!(refresh(&desk, || Err(Unseen::NeedsUser)).await, Round::NeedsUser);
        assert_eq!(desk.names().await.len(), 2);
    }
}

#[tokio::test]
async fn a_live_read_withdraws_at_once_and_one_of_another_object_asks_nothing() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let object = desk.recorded().await[0].object().unwrap();
        let mut other = object.clone();
        other.namespace = Default::default();
        desk.pending
            .seen(&other, later(), || panic!("nothing is recorded about it"));
        desk.pending.seen(&object, later(), || LIVE);
        desk.settled(0).await;
    }
}

#[tokio::test]
async fn a_rejected_pull_request_drops_its_request() {
    for desk in Desk::both() {
        for (action, name, number) in [("Request", "a", 1), ("Update", "b", 2), ("Delete", "c", 3)] {
            desk.record(reviewed(action, name, number)).await;
        }
        desk.record(input("Request", "pushed")).await;
        sweep(&desk, PullRequestState::Closed).await;
        assert_eq!(desk.names().await, ["pushed"]);
    }
}

#[tokio::test]
async fn a_merged_pull_request_is_shown_as_merged_until_the_platform_has_followed() {
    for desk in Desk::both() {
        for (action, name, number) in [("Request", "a", 1), ("Update", "b", 2), ("Delete", "c", 3)] {
            desk.record(reviewed(action, name, number)).await;
        }
        sweep(&desk, PullRequestState::Open).await;
        sweep(&desk, PullRequestState::Merged).await;
        let phases: Vec<_> = desk
            .recorded()
            .await
            .iter()
            .map(|request| request.phase())
            .collect();
        assert_eq!(phases, [Phase::Merged, Phase::Merged, Phase::PendingDeletion]);
        refresh(&desk, || Ok(Sight::Present { caught_up: false })).await;
        assert_eq!(desk.names().await, ["b", "c"]);
        refresh(&desk, || Ok(LIVE)).await;
        assert_eq!(desk.names().await, ["c"]);
        refresh(&desk, || Ok(Sight::Absent)).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_look_at_pull_requests_that_failed_withdraws_nothing() {
    for desk in Desk::both() {
        desk.record(reviewed("Request", "orders", 1)).await;
        let ask = |_: RepositoryAddress, _| {
            let trouble = Some(HostError::UnknownHost("github.com".to_owned()));
            std::future::ready(Looked {
                trouble,
                ..Looked::default()
            })
        };
        desk.pending.sweep(ask).await.unwrap();
        assert_eq!(desk.recorded().await[0].review, Review::Open);
    }
}

#[tokio::test]
async fn each_repository_is_asked_once_for_all_its_numbers() {
    for desk in Desk::both() {
        for (number, name) in [(3, "a"), (5, "b"), (8, "c")] {
            desk.record(reviewed("Request", name, number)).await;
        }
        desk.record(reviewed_in("O/other", "Request", "d", 3)).await;
        let asked = Mutex::new(Vec::new());
        let ask = |repository: RepositoryAddress, mut numbers: Vec<u64>| {
            numbers.sort_unstable();
            asked.lock().unwrap().push((repository.to_string(), numbers));
            std::future::ready(Looked::default())
        };
        desk.pending.sweep(ask).await.unwrap();
        let mut asked = asked.into_inner().unwrap();
        asked.sort();
        assert_eq!(
            asked,
            [
                ("github.com/O/R".to_owned(), vec![3, 5, 8]),
                ("github.com/O/other".to_owned(), vec![3])
            ]
        );
    }
}

#[tokio::test]
async fn nothing_for_seven_days_is_given_up_unless_a_pull_request_is_open() {
    for desk in Desk::both() {
        let now = unix_seconds();
        desk.record_at(input("Request", "old"), now - 7 * DAY - 60).await;
        desk.record_at(input("Delete", "old"), now - 7 * DAY - 60).await;
        desk.record_at(input("Request", "young"), now - 7 * DAY + 60)
            .await;
        desk.record_at(reviewed("Request", "open", 1), now - 30 * DAY)
            .await;
        let merged = desk
            .record_at(reviewed("Request", "merged", 2), now - 30 * DAY)
            .await;
        desk.store().await.merged(&merged, now - 8 * DAY).await.unwrap();
        sweep(&desk, PullRequestState::Open).await;
        assert_eq!(desk.names().await, ["open", "young"]);
    }
}

#[tokio::test]
async fn in_gitops_a_merged_update_has_come_about_at_once() {
    for test in TestDatabase::both() {
        let desk = Desk::with(test, &gitops());
        desk.record(reviewed_in("O/state", "Update", "orders", 1)).await;
        desk.record(reviewed_in("O/state", "Delete", "bills", 2)).await;
        sweep(&desk, PullRequestState::Merged).await;
        assert_eq!(desk.names().await, ["bills"]);
    }
}

#[tokio::test]
async fn in_gitops_the_repository_says_nothing_of_requests_to_another_one() {
    for test in TestDatabase::both() {
        let desk = Desk::with(test, &gitops());
        desk.record(reviewed_in("O/elsewhere", "Delete", "orders", 1))
            .await;
        desk.record(reviewed_in("o/State", "Delete", "bills", 2)).await;
        desk.record(input("Delete", "pushed")).await;
        refresh(&desk, || Ok(Sight::Absent)).await;
        assert_eq!(desk.names().await, ["bills", "orders"]);
        sweep(&desk, PullRequestState::Merged).await;
        refresh(&desk, || Ok(Sight::Absent)).await;
        assert_eq!(desk.names().await, ["orders"]);
        let object = desk.recorded().await[0].object().unwrap();
        let settled = desk.pending.settle(&object, later(), &Sight::Absent).await;
        settled.unwrap();
        assert_eq!(desk.names().await, ["orders"]);
    }
}

#[tokio::test]
async fn rounds_make_no_database() {
    for test in TestDatabase::both() {
        let desk = Desk::with(test, &app_config());
        assert_eq!(refresh(&desk, || panic!("nothing to look at")).await, Round::Done);
        sweep(&desk, PullRequestState::Open).await;
        assert!(desk.test.database.existing().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_pull_request_that_nobody_could_see_for_thirty_days_is_given_up() {
    for desk in Desk::both() {
        let now = unix_seconds();
        for (name, number, days) in [("lost", 1, 31), ("seen", 2, 31), ("not-yet", 3, 29)] {
            desk.record_at(reviewed("Request", name, number), now - days * DAY)
                .await;
        }
        sweep_seeing(&desk, &[2]).await;
        assert_eq!(desk.names().await, ["not-yet", "seen"]);
        assert!(desk.recorded().await[1].seen_at >= now);
        sweep_seeing(&desk, &[]).await;
        assert_eq!(
            desk.names().await,
            ["not-yet", "seen"],
            "it was seen a moment ago"
        );
    }
}

#[tokio::test]
async fn only_the_very_object_settles_its_request_whatever_the_version() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        for (api_version, kind, namespace, name) in [
            ("example.com/v1", "Database", "shop", "orders"),
            ("v1", "Database", "shop", "orders"),
            ("example.org/v1", "Databases", "shop", "orders"),
            ("example.org/v1", "Database", "default", "orders"),
            ("example.org/v1", "Database", "shop", "orders-2"),
        ] {
            let other = ObjectRef::parse(api_version, kind, Some(namespace), name).unwrap();
            desk.pending.settle(&other, later(), &LIVE).await.unwrap();
            assert_eq!(desk.names().await, ["orders"], "{other:?}");
        }
        let newer = ObjectRef::parse("example.org/v2", "Database", Some("shop"), "orders").unwrap();
        desk.pending.settle(&newer, later(), &LIVE).await.unwrap();
        assert!(desk.names().await.is_empty());
    }
}
