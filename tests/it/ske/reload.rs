//! The configuration of the cluster changes while we run: a rotated token, a broken edit, and its repair.

use std::{fs, path::Path, sync::Arc};

use tokio::{
    sync::Semaphore,
    time::{Duration, Instant, sleep},
};

use super::{
    clusters::{Readable, with_cluster},
    faults::read,
    portal::{Backstage, get, post},
};
use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    kubernetes_fake::{FakeKubernetes, OBJECT, Reply},
    log::Remembered,
};

/// Between two looks at whether an edit was noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// A reference to a file, where a token belongs.
fn content_of(file: &Path) -> String {
    format!("{{ $file: '{}' }}", file.display())
}

fn edit(app: &TestApp, config: &str) {
    fs::write(app.folder.path().join("app-config.yaml"), config).unwrap();
}

/// The credential of the newest read.
fn shown_last(fake: &FakeKubernetes) -> String {
    let requests = fake.requests();
    let newest = requests.iter().rfind(|request| request.path == OBJECT).unwrap();
    newest.header("authorization").unwrap().to_owned()
}

#[tokio::test]
async fn a_rotated_token_is_used_without_a_restart_and_requests_under_way_end_with_the_old_one() {
    let fake = FakeKubernetes::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "old-token\n").unwrap();
    let app = TestApp::start(&fake.app_config(&content_of(&file), "{ timeout: 60s }")).await;
    read(&app).await.ok();
    assert_eq!(shown_last(&fake), "Bearer old-token");

    let gate = Arc::new(Semaphore::new(0));
    let late = Reply::Held(
        Arc::clone(&gate),
        Box::new(Reply::Json(200, FakeKubernetes::object())),
    );
    fake.plant("GET", OBJECT, &[late]);
    let rotation = async {
        while fake.count("GET", OBJECT) < 2 {
            sleep(PAUSE).await;
        }
        fs::write(&file, "new-token\n").unwrap();
        let end = Instant::now() + LIMIT;
        while shown_last(&fake) != "Bearer new-token" {
            assert!(Instant::now() < end, "the new token is never used");
            read(&app).await.ok();
            sleep(PAUSE).await;
        }
        gate.add_permits(1);
    };
    let (under_way, ()) = tokio::join!(read(&app), rotation);
    assert_eq!(under_way.ok()["manifest"]["metadata"]["name"], "mine");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn after_a_rotation_the_old_token_may_be_taken_back() {
    let readable = Readable::in_shared("rotation").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let old = readable.cluster.revocable_token(&readable.account).await;
    fs::write(&file, &old.token).unwrap();
    let entry = format!(
        "authProvider: serviceAccount, serviceAccountToken: {}, caData: {}",
        content_of(&file),
        readable.cluster.ca_data()
    );
    let app = TestApp::start(&with_cluster(&readable.cluster.url(), &entry)).await;
    readable.is_read_by(&app).await;
    fs::write(&file, readable.token().await).unwrap();
    readable.cluster.revoke(old).await;
    let end = Instant::now() + LIMIT;
    while get(&app, STATIC_TOKEN, &readable.path()).await.status != 200 {
        assert!(Instant::now() < end, "the new token is never used");
        sleep(PAUSE).await;
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_edit_that_cannot_be_used_changes_nothing_and_says_which_key_is_to_blame() {
    let fake = FakeKubernetes::start().await;
    let (log, _listening) = Remembered::listen();
    let good = fake.app_config("some-token", "{}");
    let app = TestApp::start(&good).await;
    read(&app).await.ok();
    edit(
        &app,
        &good.replace("          serviceAccountToken: some-token\n", ""),
    );
    let end = Instant::now() + LIMIT;
    while !log.text().contains("clusters[0].serviceAccountToken is missing") {
        assert!(Instant::now() < end, "the edit is never noticed");
        read(&app).await.ok();
        sleep(PAUSE).await;
    }
    read(&app).await.ok();
    edit(&app, &fake.app_config("another-token", "{}"));
    while shown_last(&fake) != "Bearer another-token" {
        assert!(Instant::now() < end, "the repair is never noticed");
        read(&app).await.ok();
        sleep(PAUSE).await;
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_edit_that_is_refused_changes_nothing_and_another_cluster_is_followed() {
    let (first, second) = (FakeKubernetes::start().await, FakeKubernetes::start().await);
    let (log, _listening) = Remembered::listen();
    let app = TestApp::start(&first.app_config("token-of-the-first", "{}")).await;
    read(&app).await.ok();
    let refused = second
        .app_config("token-of-the-second", "{}")
        .replace("authProvider: serviceAccount", "authProvider: aws");
    edit(&app, &refused);
    let end = Instant::now() + LIMIT;
    while !log.text().contains("'aws'") {
        assert!(Instant::now() < end, "the refusal is never said");
        read(&app).await.ok();
        sleep(PAUSE).await;
    }
    read(&app).await.ok();
    assert_eq!(second.requests().len(), 0);
    edit(&app, &second.app_config("token-of-the-second", "{}"));
    let end = Instant::now() + LIMIT;
    while second.count("GET", OBJECT) == 0 {
        assert!(Instant::now() < end, "the edit is never noticed");
        read(&app).await.ok();
        sleep(PAUSE).await;
    }
    for (fake, token) in [
        (&first, "Bearer token-of-the-first"),
        (&second, "Bearer token-of-the-second"),
    ] {
        for request in fake.requests() {
            assert_eq!(request.header("authorization"), Some(token));
        }
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_mode_and_the_choice_of_the_cluster_wait_for_a_restart_and_write_callers_do_not() {
    let (dev, prod) = (FakeKubernetes::start().await, FakeKubernetes::start().await);
    let both = |platform: &str, mode: &str, callers: &str| {
        let entry = |name: &str, url: String| {
            format!(
                "        - {{ name: {name}, url: '{url}', authProvider: serviceAccount, serviceAccountToken: t }}\n"
            )
        };
        format!(
            "{}ske:\n  mode: {mode}\n  kubernetes: {{ platformName: {platform} }}\n  scm: {{ repoUrl: 'http://127.0.0.1:1/a/b', \
             type: github, token: t }}\nkubernetes:\n  \
             clusterLocatorMethods:\n    - type: config\n      clusters:\n{}{}stagedoor:\n  actions: {{ writeCallers: \
             [{callers}] }}\n",
            user_backend_section(),
            entry("dev", dev.url()),
            entry("prod", prod.url())
        )
    };
    let backstage = Backstage::start().await;
    let at = |config: String| config.replace("BACKSTAGE", &backstage.fake.origin);
    let app = TestApp::start(&at(both("dev", "kubernetes", "direct"))).await;
    let token = backstage.user("jane", serde_json::json!({}));
    let kind = FakeKubernetes::kind();
    let path = super::portal::resource(&kind, "default", "mine");
    let write = || super::portal::manifest(&kind, "default", "mine", serde_json::json!({ "size": "small" }));
    let configure = "/api/ske/configure-resource";
    post(&app, &token, configure, &write()).await.ok();
    edit(&app, &at(both("prod", "hybrid", "scaffolder")));
    let end = Instant::now() + LIMIT;
    while post(&app, &token, configure, &write()).await.status != 403 {
        assert!(
            Instant::now() < end,
            "the list of write callers is never followed"
        );
        sleep(PAUSE).await;
    }
    edit(&app, &at(both("prod", "hybrid", "direct")));
    while post(&app, &token, configure, &write()).await.status != 200 {
        assert!(
            Instant::now() < end,
            "the mode or the cluster changed with the list"
        );
        sleep(PAUSE).await;
    }
    get(&app, &token, &path).await.ok();
    assert_eq!(prod.requests().len(), 0);
    app.stop().await.unwrap();
}

/// `backend` with an address to be filled in, where the keys of users' tokens are.
fn user_backend_section() -> &'static str {
    "backend:\n  baseUrl: BACKSTAGE\n  listen: ':17007'\n"
}
