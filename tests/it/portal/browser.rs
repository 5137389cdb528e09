//! A page of the portal's app in a real browser, with the token of a real backend.

use serde_json::{Value, json};

use super::{
    document::Shape,
    platform::{InCluster, database, manifest},
    running::Portal,
};
use crate::browser::browse;

/// The page's origin: `app.baseUrl` of the document.
const APP: &str = "http://localhost:3000";

/// Opens a page at the origin and makes the calls; returns their answers, and the statuses of the preflights.
async fn visit(calls: Vec<Value>) -> (Vec<(u64, Value)>, Vec<Value>) {
    let visit = json!({ "origin": APP, "calls": calls }).to_string();
    let seen = tokio::task::spawn_blocking(move || browse(&visit)).await.unwrap();
    let calls = seen["calls"].as_array().unwrap().iter();
    let answers = calls.map(|call| {
        let status = call["status"].as_u64().unwrap_or_else(|| panic!("{seen:#}"));
        let body = serde_json::from_str(call["body"].as_str().unwrap()).unwrap_or_default();
        (status, body)
    });
    let preflights = seen["preflights"].as_array().unwrap().iter();
    let preflights = preflights.map(|preflight| preflight["status"].clone());
    (answers.collect(), preflights.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_signs_in_lists_triggers_reads_and_deletes_across_origins() {
    let platform = InCluster::open().await;
    let portal = Portal::open(Shape::Alongside, &platform).await;
    let namespace = &platform.namespace;
    portal
        .run(
            "configure",
            json!({ "manifest": manifest(namespace, "orders", "small") }),
        )
        .await
        .output();
    let refresh = json!({
        "method": "GET", "url": portal.url("/api/auth/guest/refresh"), "credentials": "include",
        "headers": { "x-requested-with": "XMLHttpRequest" },
    });
    let session = visit(vec![refresh]).await.0.remove(0);
    assert_eq!(session.0, 200, "{session:?}");
    let token = session.1["backstageIdentity"]["token"].clone();

    let kind = database();
    let named = json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "name": "orders", "namespace": namespace });
    let resource = format!(
        "/api/ske/resource?apiVersion={}&kind={}&name=orders&namespace={namespace}",
        kind.api_version(),
        kind.kind
    );
    let call =
        |method: &str, path: &str| json!({ "method": method, "url": portal.url(path), "token": token });
    let mut delete = call("POST", "/api/ske/delete-resource");
    delete["body"] = named;
    let calls = vec![
        call("GET", "/api/spacelift-io/stacks"),
        call("POST", "/api/spacelift-io/stacks/staging-network/trigger"),
        call("GET", &resource),
        delete,
        call("GET", &resource),
    ];
    let (answers, preflights) = visit(calls).await;
    assert!(
        preflights.len() >= 4 && preflights.iter().all(|status| *status == 204),
        "{preflights:?}"
    );
    let statuses: Vec<u64> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 404], "{answers:#?}");
    assert_eq!(answers[0].1.as_array().unwrap().len(), 12);
    assert!(answers[1].1["id"].is_string());
    assert_eq!(answers[2].1["manifest"]["spec"]["size"], "small");
    assert!(
        answers[4].1["message"]
            .as_str()
            .unwrap()
            .contains("does not exist")
    );
}
