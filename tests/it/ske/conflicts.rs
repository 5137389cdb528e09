//! Several writers at once: Kratix, other people, the same person twice.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::place::Place;
use crate::support::kubernetes::kratix::{FINALIZERS, PROMISE_LABEL};

#[tokio::test]
async fn kratixs_early_writes_get_in_nobodys_way_and_none_of_them_is_lost() {
    let place = Place::open().await;
    let _running = place.kratix().run();
    for round in 0..20 {
        let name = format!("mine-{round}");
        let created = place.write(&name, json!({"size": "small"})).await.ok();
        for (size, replicas) in [("medium", 2), ("large", 3)] {
            let updated = place
                .write(&name, json!({"size": size, "replicas": replicas}))
                .await
                .ok();
            assert_eq!(updated["resourceId"], created["resourceId"]);
        }
    }
    for round in 0..20 {
        let path = place.path(&format!("mine-{round}"));
        let adopted = |object: &Value| {
            object["metadata"]["finalizers"]
                .as_array()
                .is_some_and(|all| all.len() == 4)
        };
        let live = place
            .cluster
            .api()
            .wait_for(&path, |answer| adopted(&answer.body))
            .await
            .body;
        assert_eq!(
            live["spec"],
            json!({"size": "large", "replicas": 3, "backups": false})
        );
        assert_eq!(
            live["metadata"]["labels"][PROMISE_LABEL],
            place.kind.promise.as_str()
        );
        assert_eq!(live["metadata"]["finalizers"], json!(FINALIZERS));
        let traced = |answer: &crate::support::kubernetes::Answer| {
            answer.body["metadata"]["annotations"]["kratix.io/trace-parent"].is_string()
        };
        place.cluster.api().wait_for(&path, traced).await;
    }
}

#[tokio::test]
async fn of_many_writers_at_once_each_is_told_the_truth() {
    let place = Place::open().await;
    place.create("mine").await;
    let writers = (0..32).map(|writer| {
        let spec =
            json!({"size": "large", "databaseName": format!("db{writer}"), "replicas": writer % 9 + 1});
        let place = &place;
        async move { (spec.clone(), place.write("mine", spec).await) }
    });
    let answers = join_all(writers).await;
    let live = place.live("mine").await;
    let mut written = 0;
    for (mut spec, said) in answers {
        if said.status == 200 {
            written += 1;
            assert_eq!(said.body["resourceId"], live["metadata"]["uid"]);
            continue;
        }
        let (status, message) = said.refused();
        assert!(
            status == 409 && message.contains("reload and try again"),
            "{status} {message}"
        );
        spec["backups"] = json!(false);
        assert_ne!(live["spec"], spec, "a writer that was refused has written");
    }
    assert!(written > 0, "nobody has written");
    let writer: u64 = live["spec"]["databaseName"].as_str().unwrap()[2..]
        .parse()
        .unwrap();
    assert_eq!(live["spec"]["replicas"], writer % 9 + 1, "two writers are mixed");
    assert_eq!(live["metadata"]["generation"].as_u64().unwrap(), written + 1);
}

#[tokio::test]
async fn of_two_who_create_the_same_object_both_succeed_and_there_is_one() {
    let place = Place::open().await;
    for round in 0..10 {
        let name = format!("mine-{round}");
        let sizes = ["small", "medium", "large"];
        let answers = join_all(sizes.map(|size| place.write(&name, json!({"size": size})))).await;
        let uid = place.live(&name).await["metadata"]["uid"].clone();
        for answer in answers {
            assert_eq!(answer.ok()["resourceId"], uid);
        }
    }
}

#[tokio::test]
async fn what_is_deleted_and_made_again_in_between_is_never_written_half() {
    let place = Place::open().await;
    for round in 0..10 {
        let name = format!("mine-{round}");
        place.create(&name).await;
        let (written, deleted) =
            tokio::join!(place.write(&name, json!({"size": "large"})), place.delete(&name));
        assert!([200, 404].contains(&deleted.status), "{deleted:?}");
        let uid = written.ok()["resourceId"].clone();
        let read = place.read(&name).await;
        if read.status == 200 {
            assert_eq!(read.body["manifest"]["metadata"]["uid"], uid);
            assert_eq!(read.body["manifest"]["spec"]["size"], "large");
        }
    }
}
