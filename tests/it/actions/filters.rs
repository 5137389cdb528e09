//! `backend.actions` in the app-config: what is not wanted is neither listed nor run.

use std::fs;

use serde_json::json;

use super::portal::Portal;
use crate::support::app::{STATIC_TOKEN, TestApp, backend_section};

#[tokio::test]
async fn what_the_filter_leaves_out_is_neither_listed_nor_run() {
    let portal = Portal::with(
        "{ filter: { include: [{ id: 'sample:*', attributes: { readOnly: true } }], \
                               exclude: [{ id: '*:hidden' }] } }",
        "",
    )
    .await;
    let ids = portal.ids(STATIC_TOKEN).await;
    assert!(ids.contains(&"sample:look".to_owned()), "{ids:?}");
    for (out, action) in [("sample:do-thing", "do-thing"), ("sample:hidden", "hidden")] {
        assert!(!ids.contains(&out.to_owned()), "{ids:?}");
        let (status, _, message) = portal.invoke(action, &json!({"thingName": "a"})).await.refused();
        assert_eq!((status, message), (404, format!("Action \"{out}\" not found")));
    }
}

#[tokio::test]
async fn a_plugin_that_is_no_source_offers_nothing() {
    let portal = Portal::with("{ pluginSources: [catalog] }", "").await;
    assert!(portal.ids(STATIC_TOKEN).await.is_empty());
    assert_eq!(portal.invoke("look", &json!({})).await.refused().0, 404);
    let portal = Portal::with("{ pluginSources: [catalog, sample] }", "").await;
    assert!(!portal.ids(STATIC_TOKEN).await.is_empty());
}

#[tokio::test]
async fn filters_and_ways_of_writing_follow_the_configuration() {
    let portal = Portal::with("{}", "").await;
    let file = portal.app.folder.path().join("app-config.yaml");
    let config = fs::read_to_string(&file).unwrap();
    let changed = config.replace(
        "actions: {}",
        "actions: { filter: { exclude: [{ id: 'sample:look' }] } }",
    );
    fs::write(
        &file,
        format!("{changed}stagedoor: {{ actions: {{ writeCallers: [direct] }} }}\n"),
    )
    .unwrap();
    let mut ids = portal.ids(STATIC_TOKEN).await;
    for _ in 0..400 {
        if !ids.contains(&"sample:look".to_owned()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        ids = portal.ids(STATIC_TOKEN).await;
    }
    assert!(!ids.contains(&"sample:look".to_owned()), "{ids:?}");
    let user = portal.user();
    assert_eq!(
        portal
            .invoke_as(&user, "do-thing", &json!({"thingName": "a"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_reported_once_with_its_keys() {
    let wrong = backend_section().replacen(
        "backend:\n",
        "backend:\n  actions: { pluginSources: 3, filter: { include: [{ id: '[' }] } }\n",
        1,
    );
    let problems = TestApp::refused(&wrong, stagedoor::plugins::register).await;
    let naming = |key: &str| problems.iter().filter(|problem| problem.contains(key)).count();
    assert_eq!(naming("backend.actions.filter.include[0].id"), 1, "{problems:?}");
    assert!(naming("backend.actions.pluginSources") >= 1, "{problems:?}");
}
