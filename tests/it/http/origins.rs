//! Patterns of `backend.cors.origin` against npm's own `minimatch`, with the options Backstage gives it.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use http::{Request, header};
use serde_json::{Value, json};
use stagedoor::infra::http_server::{EdgeSettings, decorated};
use tower::ServiceExt as _;

use super::support::config;
use crate::support::node;

const ORIGINS: [&str; 24] = [
    "http://localhost:3000",
    "http://localhost:3001",
    "http://localhost:30001",
    "HTTP://LOCALHOST:3000",
    "https://localhost",
    "https://a.example.com",
    "https://b.example.com",
    "https://ab.example.com",
    "https://abab.example.com",
    "https://a.b.example.com",
    "https://.example.com",
    "https://example.com",
    "https://example.com:8443",
    "https://pr-1.example.com",
    "https://pr-2.example.com",
    "https://pr-12.example.com",
    "https://evil.test",
    "https://a.example.com.evil.test",
    "https://a_example.com",
    "https://{a}.example.com",
    "https://(a).example.com",
    "https://[a].example.com",
    "xhttps://a.example.com",
    "null",
];

const PATTERNS: [&str; 92] = [
    "http://localhost:3000",
    "https://*.example.com",
    "https://**.example.com",
    "https://*",
    "*://*",
    "*",
    "**",
    "*/*",
    "**/*",
    "http?(s)://localhost*",
    "http?(s)://localhost?(:3000)",
    "https://+(a|b).example.com",
    "https://+(a|b|.).example.com",
    "https://@(a|b).example.com",
    "https://@(a|b|pr-+([0-9])).example.com",
    "https://*(a|b).example.com",
    "https://*(a|b)example.com",
    "https://?(a).example.com",
    "https://?(a.)example.com",
    "https://!(a).example.com",
    "https://!(a|b).example.com",
    "https://!(a*).example.com",
    "https://!(evil).test",
    "https://!(*.evil.test)",
    "https://!(evil.test|a.*)",
    "https://!(a)*.example.com",
    "https://!(a)!(b).example.com",
    "https://!(@(a|b)).example.com",
    "https://@(!(a)).example.com",
    "https://+(!(a)).example.com",
    "https://!(!(a)).example.com",
    "https://!().example.com",
    "https://@().example.com",
    "https://*(@(a)|+(b)).example.com",
    "https://+(a|b",
    "https://(a).example.com",
    "https://a|b.example.com",
    "http://localhost:{3000,3001}",
    "http://localhost:300{0..1}",
    "http://localhost:{2999..3001}",
    "http://localhost:{3001..2999}",
    "http://localhost:300{0,1}{,1}",
    "http{,s}://localhost{,:3000}",
    "{http,https}://{localhost:3000,a.example.com}",
    "{http://localhost:3000,https://{a,b}.example.com}",
    "https://pr-{1..3}.example.com",
    "https://pr-{01..12}.example.com",
    "https://pr-{1..12..11}.example.com",
    "https://pr-{0..12..3}.example.com",
    "https://{a..c}.example.com",
    "https://{c..a..2}.example.com",
    "https://{a}.example.com",
    "https://\\{a\\}.example.com",
    "https://${a,b}.example.com",
    "https://{a,b.example.com",
    "https://a,b}.example.com",
    "https://{}{a,b}.example.com",
    "{}https://a.example.com",
    "https://{a},b}.example.com",
    "https://{{a,b}}.example.com",
    "https://{a,{b,c}}.example.com",
    "https://{a,b}{a,b}.example.com",
    "https://[ab].example.com",
    "https://[a-b].example.com",
    "https://[!a].example.com",
    "https://[^a].example.com",
    "https://[B].example.com",
    "https://[A-B].example.com",
    "https://[b-a].example.com",
    "https://[!b-a].example.com",
    "https://[[:alpha:]].example.com",
    "https://[![:alpha:]].example.com",
    "https://pr-[[:digit:]].example.com",
    "https://pr-+([[:digit:]]).example.com",
    "https://[a.example.com",
    "https://[]a].example.com",
    "https://\\[a\\].example.com",
    "https://a[.]example.com",
    "https://a?example.com",
    "https://?.example.com",
    "https://??.example.com",
    "https://a\\.example.com",
    "https://\\a.example.com",
    "!https://evil.test",
    "!!https://a.example.com",
    "!https://*.example.com",
    "!https://{a,b}.example.com",
    "!(https://evil.test)",
    "#https://a.example.com",
    "https://a.example.com/",
    "https:/a.example.com",
    "https:///a.example.com",
];

/// Patterns put together from pieces, the same ones in each run.
fn combined() -> Vec<String> {
    const PIECES: [&str; 18] = [
        "a", "b", ".", "*", "?", "@(a|b)", "+(a|b)", "*(a|b)", "?(b)", "!(a)", "!(a|b)", "{a,b}", "{1..3}",
        "[ab]", "[!a]", "pr-", "example", "!(a.*)",
    ];
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        PIECES[(state >> 16) as usize % PIECES.len()]
    };
    (0..400)
        .map(|number| {
            let pieces: String = (0..2 + number % 3).map(|_| next()).collect();
            format!(
                "https://{pieces}{}",
                if number % 2 == 0 { ".example.com" } else { "*" }
            )
        })
        .collect()
}

/// Which origins our edge answers with their own name.
async fn let_in(pattern: &str) -> Vec<bool> {
    let reader = config(&json!({ "backend": { "cors": { "origin": [pattern] } } }).to_string());
    let edge = Arc::new(EdgeSettings::read(&reader).unwrap_or_else(|errors| panic!("{pattern}: {errors:?}")));
    let service = decorated(edge, tower::service_fn(|_| async { Ok(Response::default()) }));
    let mut answers = Vec::new();
    for origin in ORIGINS {
        let request = Request::builder().header(header::ORIGIN, origin);
        let answer = service
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        answers.push(answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
    answers
}

#[tokio::test]
async fn origin_patterns_match_what_minimatch_matches() {
    let patterns: Vec<String> = PATTERNS
        .iter()
        .map(|pattern| (*pattern).to_owned())
        .chain(combined())
        .collect();
    let question = json!({ "patterns": patterns, "origins": ORIGINS });
    let expected = node::ask("spacelift-peer", "minimatch.cjs", &question);
    let mut wrong = Vec::new();
    for (pattern, expected) in patterns.iter().zip(expected.as_array().unwrap()) {
        let seen = let_in(pattern).await;
        for (index, seen) in seen.iter().enumerate() {
            if Value::Bool(*seen) != expected[index] {
                wrong.push(format!("{pattern}: {} is {seen}", ORIGINS[index]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A pattern that takes a backtracking matcher longer than anybody waits.
#[tokio::test]
async fn no_origin_makes_a_pattern_slow() {
    for pattern in [
        "https://+(+(a|aa)|+(a))x",
        "https://*a*a*a*a*a*a*a*a*a*a*a*x",
        "https://!(+(!(+(a)b))c)x",
    ] {
        let reader = config(&json!({ "backend": { "cors": { "origin": pattern } } }).to_string());
        let edge = Arc::new(EdgeSettings::read(&reader).unwrap());
        let service = decorated(edge, tower::service_fn(|_| async { Ok(Response::default()) }));
        for length in [250, 100_000] {
            let origin = format!("https://{}", "a".repeat(length));
            let request = Request::builder().header(header::ORIGIN, origin);
            service
                .clone()
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
        }
    }
}
