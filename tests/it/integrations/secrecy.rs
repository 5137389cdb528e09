//! No key, no token and no signature is in a sentence, a debug form or a log line.

use super::{app, by_app, credentials, given, integration, later, refused};
use crate::support::{
    github::{FakeGitHub, KEYS, TOKEN, json_reply, message},
    log::Remembered,
};

const INSTALLATION: &str = "GET /orgs/acme/installation";
const NEW_TOKEN: &str = "POST /app/installations/70/access_tokens";
const ENTRYS_TOKEN: &str = "ghp_canary_entry";

#[tokio::test]
async fn nothing_secret_is_in_a_sentence_a_debug_form_or_the_log() {
    let (log, guard) = Remembered::listen();
    let github = FakeGitHub::start().await;
    github.install("acme");
    let entry = integration(&github, vec![app()], Some(ENTRYS_TOKEN));
    let source = credentials(&entry, "acme");
    given(&source, false).await.unwrap();
    let mut seen = format!("{entry:?} {source:?}");
    // An old token that is used on is worth a line in the log.
    later(std::time::Duration::from_secs(51 * 60)).await;
    github.plant(INSTALLATION, &[message(500, "", "unicorn")]);
    given(&source, false).await.unwrap();
    // A server that repeats the signed token it was shown, in a refusal and in place of what was asked.
    let shown = github.shown().last().unwrap().clone();
    github.plant(INSTALLATION, &[message(401, "", &format!("what is {shown}?"))]);
    seen += &refused(given(&by_app(&github, "acme"), false).await);
    let body = serde_json::json!({"token": format!("{TOKEN}\n"), "expires_at": "2099-01-01T00:00:00Z"});
    github.plant(NEW_TOKEN, &[json_reply(201, &body)]);
    seen += &refused(given(&by_app(&github, "acme"), false).await);
    drop(guard);
    seen += &log.text();
    assert!(seen.contains("could not be renewed yet"), "the log was heard");
    let pem = KEYS[0].serialize_pem();
    let signatures = github.shown();
    let mut secrets: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    secrets.extend(signatures.iter().filter_map(|shown| shown.rsplit('.').next()));
    secrets.extend([TOKEN, ENTRYS_TOKEN]);
    for secret in secrets {
        assert!(!seen.contains(secret.trim()), "{secret} is in {seen}");
    }
}
