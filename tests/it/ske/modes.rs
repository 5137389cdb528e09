//! Which of cluster and repository a mode asks.

use serde_json::json;

use super::place::{CONFIGURE, DELETE, Place};

/// A platform whose portal has this `ske.mode`, and a repository where nobody listens.
async fn in_mode(mode: &str) -> Place {
    Place::configured("{}", |config| {
        let scm = "scm: { repoUrl: 'http://127.0.0.1:1/a/b', type: github, token: t }";
        let section = format!("ske:\n  mode: {mode}\n  {scm}\n  kubernetes:");
        let changed = config.replace("ske:\n  kubernetes:", &section);
        assert_ne!(changed, config);
        changed
    })
    .await
}

#[tokio::test]
async fn in_gitops_mode_no_cluster_is_asked() {
    let place = in_mode("gitops").await;
    place.create("mine").await;
    let said = [
        place.read("mine").await,
        place.write("mine", json!({"size": "large"})).await,
        place.delete("mine").await,
    ];
    for said in said {
        let (status, message) = said.refused();
        assert!(
            status == 502 && message.contains("127.0.0.1:1/a/b cannot be reached"),
            "{status} {message}"
        );
    }
    let asked = place.cluster.audit().mentioning(&place.account);
    assert!(
        asked.iter().all(|entry| entry.user != place.account),
        "{asked:#?}"
    );
}

#[tokio::test]
async fn in_hybrid_mode_the_cluster_is_read_and_the_repository_written() {
    let place = in_mode("hybrid").await;
    let made = place.create("mine").await;
    let read = place.read("mine").await.ok();
    assert_eq!(read["manifest"]["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(place.state("mine").await["state"], "unknown");
    for said in [
        place.write("mine", json!({"size": "large"})).await,
        place.delete("mine").await,
    ] {
        let (status, message) = said.refused();
        assert!(
            status == 502 && message.contains("127.0.0.1:1/a/b cannot be reached"),
            "{status} {message}"
        );
    }
    // Nothing else is said to what could not be used anyway.
    assert_eq!(
        place.send(DELETE, "application/json", "{}").await.refused().0,
        400
    );
    assert_eq!(
        place.send(CONFIGURE, "application/json", "{}").await.refused().0,
        400
    );
    assert_eq!(place.live("mine").await, made);
}
