//! Who has their turn in a round, and when a round is left.

use std::{collections::HashSet, sync::Mutex};

use super::{
    lifecycle::Sight,
    refresh::Unseen,
    testing::{Desk, app_config, input, reviewed_in},
};
use crate::{
    backstage::integrations::{HostError, Looked, RepositoryAddress},
    infra::{clock::unix_seconds, database::testing::TestDatabase},
    plugins::ske::{error::SkeError, repository::RepositoryError},
};

/// As many as a host is asked for one by one.
const MOST_SINGLE: usize = 100;

#[tokio::test]
async fn every_pull_request_has_its_turn_although_a_host_tells_of_none() {
    for desk in Desk::both() {
        for number in 1..=150 {
            let input = reviewed_in("O/R", "Request", &format!("db-{number}"), number);
            desk.record_at(input, unix_seconds() - 150 + i64::try_from(number).unwrap())
                .await;
        }
        let asked = Mutex::new(HashSet::new());
        let ask = |_: RepositoryAddress, numbers: Vec<u64>| {
            assert_eq!(numbers.len(), 150);
            asked
                .lock()
                .unwrap()
                .extend(numbers.into_iter().take(MOST_SINGLE));
            std::future::ready(Looked::default())
        };
        desk.pending.sweep(ask).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), MOST_SINGLE);
        desk.pending.sweep(ask).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 150);
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_left_for_the_round_and_begun_elsewhere_in_the_next() {
    for test in TestDatabase::both() {
        let desk = Desk::with(test, &app_config());
        for (number, repository) in ["O/a", "O/b", "O/c"].into_iter().enumerate() {
            let input = reviewed_in(repository, "Request", &format!("db-{number}"), 1);
            desk.record(input).await;
        }
        let mut other = reviewed_in("O/a", "Request", "other", 1);
        other["pullRequestUrl"] = "https://gitlab.com/O/a/-/merge_requests/1".into();
        desk.record(other).await;
        let asked = Mutex::new(Vec::new());
        let ask = |repository: RepositoryAddress, _: Vec<u64>| {
            asked.lock().unwrap().push(repository.to_string());
            let silent = repository.host() == "github.com";
            std::future::ready(Looked {
                trouble: silent.then(|| HostError::Unreachable {
                    api: "api.github.com".to_owned(),
                    what: "cannot be reached",
                }),
                ..Looked::default()
            })
        };
        let round = async || {
            desk.pending.sweep(ask).await.unwrap();
            let mut asked = std::mem::take(&mut *asked.lock().unwrap());
            asked.sort();
            asked
        };
        let mut begun = HashSet::new();
        for _ in 0..3 {
            let [github, gitlab] = <[_; 2]>::try_from(round().await).unwrap();
            assert!(github.starts_with("github.com/") && gitlab == "gitlab.com/O/a");
            begun.insert(github);
        }
        assert!(begun.len() > 1, "{begun:?}");
    }
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_left_for_the_round_and_one_object_is_not() {
    for desk in Desk::both() {
        for name in ["a", "b", "c"] {
            desk.record(input("Request", name)).await;
        }
        for (error, looks) in [
            (SkeError::Repository(RepositoryError::Slow(1.0)), 1),
            (SkeError::NoCluster, 3),
        ] {
            let looked = Mutex::new(HashSet::new());
            let look = |object: crate::plugins::ske::domain::ObjectRef| {
                looked.lock().unwrap().insert(object.name.to_string());
                std::future::ready(Err::<Sight, _>(Unseen::Failed(error.clone())))
            };
            desk.pending.refresh(look).await.unwrap();
            assert_eq!(looked.lock().unwrap().len(), looks, "{error}");
        }
        assert_eq!(desk.names().await.len(), 3);
    }
}
