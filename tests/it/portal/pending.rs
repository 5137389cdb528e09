//! What Templates recorded, in the catalog of a real backend until the platform has it.
//!
//! The catalog reads nothing again by itself while the tests run, so each change is one that it was told to look for.

use serde_json::{Value, json};

use super::{people::GUEST, running::Portal};

/// All recorded requests that the catalog has.
const ENTITIES: &str = "/api/catalog/entities?filter=kind=component,spec.type=kratix-pending-request";

/// Waits until the catalog has the request for this database, as the guest submitted it.
pub(super) async fn is_shown(portal: &Portal, namespace: &str, name: &str) {
    let entities = portal
        .until(ENTITIES, |entities| find(entities, namespace, name).is_some())
        .await;
    let entity = find(&entities, namespace, name).unwrap();
    let annotations = &entity["metadata"]["annotations"];
    let of = |key: &str| &annotations[format!("kratix.io/{key}")];
    assert_eq!(
        [of("promise-name"), of("kind"), of("phase"), of("requested-by")],
        ["database", "Database", "submitted", GUEST]
    );
    let owned = json!({ "type": "ownedBy", "targetRef": GUEST });
    let relations = entity["relations"].as_array().unwrap();
    assert!(relations.contains(&owned), "it was taken in wholly: {entity}");
}

/// Waits until the catalog has it no more.
pub(super) async fn is_gone(portal: &Portal, namespace: &str, name: &str) {
    portal
        .until(ENTITIES, |entities| find(entities, namespace, name).is_none())
        .await;
}

/// Waits until the portal's bell has this for the guest, from us.
pub(super) async fn is_told(portal: &Portal, title: &str) {
    let is_it = |notification: &Value| {
        notification["payload"]["title"] == title && notification["origin"] == "plugin:ske"
    };
    portal
        .until("/api/notifications/notifications", |page| {
            page["notifications"].as_array().unwrap().iter().any(is_it)
        })
        .await;
}

fn find<'a>(entities: &'a Value, namespace: &str, name: &str) -> Option<&'a Value> {
    let is_it = |entity: &&Value| {
        let annotations = &entity["metadata"]["annotations"];
        annotations["kratix.io/namespace"] == namespace && annotations["kratix.io/name"] == name
    };
    entities.as_array().unwrap().iter().find(is_it)
}
