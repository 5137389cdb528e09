//! A real API server that goes down, stands still, comes back, or shows a certificate that is over.

use std::time::Instant;

use serde_json::json;

use super::{
    clusters::{OPEN, Readable, with_cluster},
    portal::{get, post},
};
use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, Rule},
};

const CONFIGURE: &str = "/api/ske/configure-resource";

/// A portal that may write, too, and waits for the time given.
async fn portal(readable: &Readable, timeout: &str) -> TestApp {
    let rule = Rule::on("", &["configmaps"]).within(&readable.namespace);
    let subject = readable.account.subject();
    readable.cluster.allow(&subject, &rule).await;
    let entry = format!(
        "authProvider: serviceAccount, serviceAccountToken: {}, caData: {}",
        readable.token().await,
        readable.cluster.ca_data()
    );
    let open = OPEN
        .replace("access: read", "access: write")
        .replace("10s", timeout);
    let config = with_cluster(&readable.cluster.url(), &entry).replace(OPEN, &open);
    TestApp::start(&config).await
}

/// Reads until it succeeds.
async fn is_read_again(readable: &Readable, app: &TestApp) {
    let end = Instant::now() + LIMIT;
    while get(app, STATIC_TOKEN, &readable.path()).await.status != 200 {
        assert!(Instant::now() < end, "it is not read again");
    }
}

fn changed(readable: &Readable) -> serde_json::Value {
    json!({ "manifest": {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "namespace": readable.namespace },
        "data": { "changed": "yes" },
    }})
}

/// Expects that a read is refused so, in bounded time.
async fn fails(readable: &Readable, app: &TestApp, (status, says): (u16, &str)) {
    let mut begun = Instant::now();
    let mut said = get(app, STATIC_TOKEN, &readable.path()).await;
    // A signal takes a moment to arrive.
    let end = begun + LIMIT;
    while said.status == 200 && begun < end {
        begun = Instant::now();
        said = get(app, STATIC_TOKEN, &readable.path()).await;
    }
    let refused = said.refused();
    assert!(refused.0 == status && refused.1.contains(says), "{refused:?}");
    assert!(refused.1.contains("'platform'"), "{refused:?}");
    assert!(begun.elapsed() < LIMIT / 2);
}

#[tokio::test]
async fn a_server_that_stands_still_is_a_504_and_one_that_is_down_a_502_until_it_is_back() {
    let readable = Readable::in_cluster(Cluster::own().await, "outage").await;
    let app = portal(&readable, "3s").await;
    readable.is_read_by(&app).await;

    readable.cluster.halt();
    fails(&readable, &app, (504, "did not answer within 3 s")).await;
    let write = post(&app, STATIC_TOKEN, CONFIGURE, &changed(&readable))
        .await
        .refused();
    assert_eq!(write.0, 504);
    readable.cluster.go_on();
    is_read_again(&readable, &app).await;

    readable.cluster.stop();
    fails(&readable, &app, (502, "cannot be reached")).await;
    let write = post(&app, STATIC_TOKEN, CONFIGURE, &changed(&readable))
        .await
        .refused();
    assert!(
        write.0 == 502 && !write.1.contains("not known"),
        "nothing was sent: {write:?}"
    );
    readable.cluster.restart().await;
    is_read_again(&readable, &app).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_calls_leaves_no_call_hanging_and_a_changes_fate_unknown() {
    let readable = Readable::in_cluster(Cluster::own().await, "killed").await;
    let app = portal(&readable, "20s").await;
    readable.is_read_by(&app).await;
    let body = changed(&readable);
    let webhook = hold_changes(&readable).await;
    let write = post(&app, STATIC_TOKEN, CONFIGURE, &body);
    let kill = async {
        // The change is with the API server once it asks the webhook, which never answers.
        let _asked = webhook.accept().await.unwrap();
        readable.cluster.stop();
        _asked
    };
    let begun = Instant::now();
    let (said, _asked) = tokio::join!(write, kill);
    let (status, message) = said.refused();
    assert!(
        status == 502 && message.contains("whether the change was made is not known"),
        "{message}"
    );
    assert!(begun.elapsed() < LIMIT / 2);

    readable.cluster.restart().await;
    readable.cluster.halt();
    let path = readable.path();
    let read = get(&app, STATIC_TOKEN, &path);
    let kill = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        readable.cluster.stop();
        readable.cluster.restart().await;
    };
    let (said, ()) = tokio::join!(read, kill);
    // It was asked again at once; whether the server was back by then is chance.
    assert!([200, 502].contains(&said.status), "{said:?}");
    is_read_again(&readable, &app).await;
    app.stop().await.unwrap();
}

/// Makes the API server ask a webhook before it changes anything; returns where it asks.
async fn hold_changes(readable: &Readable) -> tokio::net::TcpListener {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let webhook = json!({
        "metadata": { "name": "hold" },
        "webhooks": [{
            "name": "hold.tests.example.org", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail", "timeoutSeconds": 30,
            "clientConfig": { "url": url, "caBundle": readable.cluster.ca_data() },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["UPDATE"] }],
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": readable.namespace } },
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    readable.cluster.api().create(path, &webhook).await.ok();
    listener
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_a_502_that_names_the_cure() {
    let cluster = Cluster::with_expired_certificate().await;
    let readable = Readable::in_cluster(cluster, "expired").await;
    let app = portal(&readable, "10s").await;
    fails(&readable, &app, (502, "has expired or is not valid yet; renew")).await;
    app.stop().await.unwrap();
}
