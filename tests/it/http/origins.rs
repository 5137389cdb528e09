//! Patterns of `backend.cors.origin` against what npm's own `minimatch` was seen to let in.

use std::{path::Path, sync::Arc};

use axum::{body::Body, response::Response};
use http::{Request, header};
use serde_json::{Value, json};
use stagedoor::infra::http_server::{EdgeSettings, decorated};
use tower::ServiceExt as _;

use super::support::config;

/// For each origin whether our edge answers it by its own name.
async fn let_in(pattern: &str, origins: &[&str]) -> String {
    let reader = config(&json!({ "backend": { "cors": { "origin": [pattern] } } }).to_string());
    let edge = EdgeSettings::read(&reader).unwrap_or_else(|errors| panic!("{pattern}: {errors:?}"));
    let answer = tower::service_fn(|_| async { Ok(Response::default()) });
    let service = decorated(Arc::new(edge), answer);
    let mut seen = String::new();
    for origin in origins {
        let request = Request::builder().header(header::ORIGIN, *origin);
        let request = request.body(Body::empty()).unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        let is_let_in = answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        seen.push(if is_let_in { '1' } else { '0' });
    }
    seen
}

#[tokio::test]
async fn origin_patterns_match_what_minimatch_matches() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cors-origins/expected.json");
    let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let origins = recorded["origins"].as_array().unwrap().iter();
    let origins: Vec<&str> = origins.map(|origin| origin.as_str().unwrap()).collect();
    let patterns = recorded["letIn"].as_object().unwrap();
    assert!(patterns.len() > 500, "{}", patterns.len());
    let mut wrong = Vec::new();
    for (pattern, expected) in patterns {
        let seen = let_in(pattern, &origins).await;
        if seen != *expected.as_str().unwrap() {
            wrong.push(format!("{pattern}: {seen} instead of {expected} of {origins:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_group_within_a_negation_is_excluded_as_written() {
    let origins = [
        "https://a.example.com",
        "https://b.example.com",
        "https://c.example.com",
    ];
    for (pattern, expected) in [
        ("https://!(@(a|b)).example.com", "001"),
        ("https://!(!(a)).example.com", "100"),
        ("https://@(!(a)).example.com", "011"),
    ] {
        assert_eq!(let_in(pattern, &origins).await, expected, "{pattern}");
    }
}

/// Patterns that take a matcher which tries and goes back longer than a test may.
#[tokio::test]
async fn no_origin_makes_a_pattern_slow() {
    let long = ["a".repeat(250), "a".repeat(100_000)].map(|name| format!("https://{name}"));
    for pattern in [
        "https://+(+(a|aa)|+(a))x",
        "https://*a*a*a*a*a*a*a*a*a*a*a*x",
        "https://!(+(!(+(a)b))c)x",
    ] {
        let origins = [long[0].as_str(), long[1].as_str()];
        let_in(pattern, &origins).await;
    }
}
