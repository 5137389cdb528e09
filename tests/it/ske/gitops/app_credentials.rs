//! A GitHub App instead of a stored token.

use serde_json::json;

use super::place::{Depot, FOLDER, document, holding};
use crate::support::{
    git::server::Step,
    github::{APP_ID, FakeGitHub, KEYS, TOKEN},
};

/// Where GitHub would have it: below the account it belongs to.
const REPOSITORY: &str = "acme/state.git";

/// What Git is told the user is.
const USER: &str = "x-access-token";

#[tokio::test]
async fn an_apps_token_reads_and_writes_and_is_asked_for_once() {
    let github = FakeGitHub::start().await;
    github.install("acme");
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let source = workshop.remote.git(&["rev-parse", "--absolute-git-dir"]);
    workshop
        .server
        .create(REPOSITORY)
        .git(&["fetch", "--quiet", &source, "main:main"]);
    workshop.server.set_login(USER, &format!("{TOKEN}acme_1"));
    let host = workshop
        .server
        .url("")
        .trim_end_matches('/')
        .replace("http://", "");
    let url = workshop.server.url(REPOSITORY);
    let key = serde_json::to_string(&KEYS[0].serialize_pem()).unwrap();
    let integrations = format!(
        "integrations:\n  github:\n    - host: '{host}'\n      apiBaseUrl: '{}'\n      apps:\n        - {{ appId: {APP_ID}, \
         privateKey: {key} }}\n",
        github.url()
    );
    let depot = Depot::behind(workshop, "{}", |config| {
        let start = config.find("scm: ").unwrap();
        let end = start + config[start..].find('\n').unwrap();
        let scm = format!("scm: {{ repoUrl: '{url}', type: github, path: {FOLDER} }}");
        format!("{}{scm}{}{integrations}", &config[..start], &config[end..])
    })
    .await;
    assert_eq!(Depot::spec_of(depot.read("mine").await), json!({"size": "small"}));
    depot.write("mine", json!({"size": "large"})).await.ok();
    depot.delete("mine").await.ok();
    assert_eq!(github.tokens_given(), 1, "one token serves them all");
    assert!(depot.server.count(Step::Fetch) > 0 && depot.server.count(Step::Push) > 1);
}
