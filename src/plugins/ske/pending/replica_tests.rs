//! Several replicas, whose clocks may differ, with one database, which may go away.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    lifecycle::Sight,
    lifecycle_tests::{later, refresh, sweep_seeing},
    refresh::{Round, Unseen},
    testing::{Desk, app_config, input, reviewed},
};
use crate::{
    backstage::integrations::{Looked, RepositoryAddress},
    infra::{
        clock::unix_seconds,
        database::testing::{TestDatabase, postgres::Postgres, section},
    },
    plugins::ske::{domain::ObjectRef, error::SkeError},
};

const LIVE: Sight = Sight::Present { caught_up: true };

#[tokio::test]
async fn a_replica_that_did_not_record_learns_of_it_in_its_next_round() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let object = desk.recorded().await[0].object().unwrap();
        let replica = desk.replica();
        replica.seen(&object, later(), || panic!("it does not know yet"));
        let unseen = replica
            .refresh(|_| std::future::ready(Err(Unseen::NeedsUser)))
            .await;
        assert_eq!(unseen.unwrap(), Round::NeedsUser);
        replica.seen(&object, later(), || LIVE);
        desk.settled(0).await;
    }
}

#[tokio::test]
async fn two_replicas_sweep_once() {
    for desk in Desk::both() {
        desk.record(reviewed("Request", "orders", 1)).await;
        let (asked, replica) = (AtomicUsize::new(0), desk.replica());
        let ask = |_: RepositoryAddress, _| {
            asked.fetch_add(1, Ordering::Relaxed);
            // The other one must find the lock taken.
            async {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                Looked::default()
            }
        };
        let (one, other) = tokio::join!(desk.pending.sweep(ask), replica.sweep(ask));
        one.and(other).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn two_replicas_look_at_the_platform_one_after_the_other() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let (looks, replica) = (AtomicUsize::new(0), desk.replica());
        let look = |_: ObjectRef| {
            looks.fetch_add(1, Ordering::Relaxed);
            // The other one must find the lock taken.
            async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Err(Unseen::Failed(SkeError::NoCluster))
            }
        };
        let (one, other) = tokio::join!(desk.pending.refresh(look), replica.refresh(look));
        assert_eq!((one.unwrap(), other.unwrap()), (Round::Done, Round::Done));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn each_period_has_one_round_however_many_replicas_there_are() {
    const PERIOD: Duration = Duration::from_secs(900);
    for desk in Desk::both() {
        desk.record(reviewed("Request", "orders", 1)).await;
        let (asked, looked, replica) = (AtomicUsize::new(0), AtomicUsize::new(0), desk.replica());
        let ask = |_: RepositoryAddress, _| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Looked::default())
        };
        let look = |_: ObjectRef| {
            looked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err(Unseen::Failed(SkeError::NoCluster)))
        };
        for pending in [&desk.pending, &replica] {
            pending.sweep_in_turn(PERIOD, ask).await.unwrap();
            pending.refresh_in_turn(PERIOD, look).await.unwrap();
        }
        let counts = || (asked.load(Ordering::Relaxed), looked.load(Ordering::Relaxed));
        assert_eq!(counts(), (1, 1));
        // Whose round it was need not wait for itself.
        desk.pending.sweep_in_turn(PERIOD, ask).await.unwrap();
        desk.pending.refresh_in_turn(PERIOD, look).await.unwrap();
        assert_eq!(counts(), (2, 2));
        // The other one learned all the same of what it did not record.
        let object = desk.recorded().await[0].object().unwrap();
        let (store, id) = (desk.store().await, desk.recorded().await[0].id.clone());
        // A wrong clock, far ahead, keeps nobody; nor does a round of the period before.
        for moment in [unix_seconds() + 3_600, unix_seconds() - 460] {
            let before = counts();
            store.reviewed(&id, moment).await.unwrap();
            store.looked(&id, moment).await.unwrap();
            replica.sweep_in_turn(PERIOD, ask).await.unwrap();
            replica.refresh_in_turn(PERIOD, look).await.unwrap();
            assert_eq!(counts(), (before.0 + 1, before.1 + 1), "{moment}");
        }
        replica.seen(&object, later(), || LIVE);
        desk.settled(0).await;
    }
}

#[tokio::test]
async fn what_a_replica_with_another_clock_wrote_is_neither_given_up_nor_forgotten() {
    for desk in Desk::both() {
        let now = unix_seconds();
        for (name, ahead) in [("fast", 3600), ("slow", -3600)] {
            let written = desk.record_at(input("Request", name), now + ahead).await;
            desk.store().await.looked(&written.id, now + ahead).await.unwrap();
        }
        desk.record_at(reviewed("Request", "reviewed", 1), now + 3600)
            .await;
        sweep_seeing(&desk, &[]).await;
        assert_eq!(desk.names().await, ["fast", "reviewed", "slow"]);
        refresh(&desk, || Ok(LIVE)).await;
        assert!(desk.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_database_that_goes_during_a_round_ends_it_and_the_next_round_does_its_work() {
    let server = Postgres::own();
    let desk = Desk::with(TestDatabase::of(&section(&server.url())), &app_config());
    desk.record(input("Request", "orders")).await;
    let goes = |_: ObjectRef| {
        server.stop();
        std::future::ready(Ok(LIVE))
    };
    let round = tokio::time::timeout(Duration::from_secs(60), desk.pending.refresh(goes));
    let told = round.await.expect("an end in time").unwrap_err().to_string();
    assert!(told.contains("backend.database.connection"), "{told}");
    server.resume();
    refresh(&desk, || Ok(LIVE)).await;
    assert!(desk.names().await.is_empty());
}
