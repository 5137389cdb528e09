//! The database of our signing keys, while it is away: what a present key signs counts, and what lacks one says so.

use serde_json::json;

use super::{JANE, Portal, token_of};
use crate::support::{
    app::TestApp,
    postgres::Postgres,
    spacelift::{FakeSpacelift, listed},
};

const STACKS: &str = "/api/spacelift-io/stacks";

/// The same portal once more, with its keys in a database of this server.
async fn kept_on(server: &Postgres, portal: &Portal) -> TestApp {
    let file = portal.app.folder.path().join("app-config.yaml");
    let section = json!({ "client": "pg", "connection": server.url() });
    let database = format!("backend:\n  database: {section}\n");
    let config = std::fs::read_to_string(file)
        .unwrap()
        .replacen("backend:\n", &database, 1);
    let app = TestApp::start(&config).await;
    portal.policy.believe(&app.base);
    app
}

async fn stacks(app: &TestApp, user: &str) -> (u16, String) {
    let asked = app.client.get(app.url(STACKS)).bearer_auth(token_of(user));
    super::read(asked.send().await.unwrap()).await
}

#[tokio::test]
async fn without_a_database_the_first_token_is_a_503_that_names_it_and_a_present_key_goes_on_signing() {
    let (server, fake) = (Postgres::own(), FakeSpacelift::start().await);
    let portal = Portal::start(&fake.section("timeout: 1s, cacheTtl: 0s")).await;
    let app = kept_on(&server, &portal).await;
    server.stop();
    let (status, text) = stacks(&app, JANE).await;
    assert!(
        status == 503 && text.contains("backend.database"),
        "{status}: {text}"
    );
    server.resume();
    fake.expect_login();
    fake.expect("ListStacks", listed(json!([])))
        .expect("ListStacks", listed(json!([])));
    assert_eq!(stacks(&app, JANE).await.0, 200);
    server.stop();
    // Whoever verifies asks for the key again, and gets it in time.
    let (status, text) = stacks(&app, "user:default/ann").await;
    assert_eq!(status, 200, "{text}");
}
