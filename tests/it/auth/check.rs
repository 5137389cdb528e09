//! `stagedoor check`: a line for each key document that the configuration names.

use serde_json::json;

use super::service::fixture_yaml;
use crate::support::{
    app::TestApp,
    backstage::{AUTH_KEYS, Answer, FakeBackstage, plugin_keys},
};

const DOCUMENTS: [(&str, &str); 4] = [
    ("Backstage's user keys", AUTH_KEYS),
    (
        "Keys of backend.auth.externalAccess[5].options.url",
        "/idp/jwks.json",
    ),
    (
        "Keys of backend.auth.externalAccess[6].options.url",
        "/idp-open/jwks.json",
    ),
    ("Keys of the plugin 'scaffolder'", ""),
];

/// The lines about keys: the name, and whether it is ok.
async fn lines(fake: &FakeBackstage) -> Vec<(String, Result<String, String>)> {
    let healthy = Answer::Document(json!({ "status": "ok" }));
    fake.serve("/.backstage/health/v1/readiness", healthy);
    let checks = TestApp::check(&fixture_yaml(fake)).await;
    let keys = checks
        .into_iter()
        .filter(|check| check.name.to_lowercase().contains("keys"));
    keys.map(|check| (check.name, check.outcome)).collect()
}

#[tokio::test]
async fn each_document_that_is_configured_has_a_line() {
    let lines = lines(&FakeBackstage::with_fixtures().await).await;
    let names: Vec<_> = lines.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, DOCUMENTS.map(|(name, _)| name));
    for (name, outcome) in &lines {
        assert!(
            outcome.as_ref().is_ok_and(|seen| seen.contains("keys at http")),
            "{name}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_document_without_a_usable_key_fails_its_line_alone() {
    let secret = json!({ "keys": [{ "kty": "oct", "kid": "x", "k": "AAAA" }] });
    for (answer, says) in [
        (Answer::Document(json!({ "keys": [] })), "no key that can be used"),
        (Answer::Document(secret), "no key that can be used"),
        (Answer::Status(403), "403"),
        (Answer::Text("<html>".to_owned()), "not JSON"),
    ] {
        for (name, path) in DOCUMENTS {
            let fake = FakeBackstage::with_fixtures().await;
            match path {
                "" => fake.serve(&plugin_keys("scaffolder"), answer.clone()),
                path => fake.serve(path, answer.clone()),
            }
            for (line, outcome) in lines(&fake).await {
                let fits = match &outcome {
                    Ok(_) => line != name,
                    Err(problem) => line == name && problem.contains(says) && problem.contains("http"),
                };
                assert!(fits, "{name}: {line}: {outcome:?}");
            }
        }
    }
}
