//! How failures are told: their sentences, statuses and bodies, and what the scaffolder's task page still shows of them.

use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    domain::{Lock, StackId},
    error::{READ_ONLY, SpaceliftError, Unreadable, body},
};
use crate::backstage::{
    actions::phrase,
    error::{BackstageError, RequestLine},
};

#[test]
fn long_sentences_begin_with_what_happened_and_end_with_what_to_do() {
    let stack = || StackId::new("platform-production-eu-central-1-network").unwrap();
    let lock = Lock {
        by: "somebody.with.a.long.name@example.com".into(),
        at: Some(1_700_000_000),
        note: Some("we look into the outage of last night, do not touch".into()),
    };
    for (error, begin, end) in [
        (
            SpaceliftError::StackLocked { stack: stack(), lock },
            "Stack 'platform-production-eu-central-1-network' is locked by somebody",
            "; ask for it to be unlocked in Spacelift and try again",
        ),
        (
            SpaceliftError::StackNotFound { stack: stack() },
            "Spacelift knows no stack 'platform-production-eu-central-1-network'",
            "; reload the list, or give the key's role access to the stack's space",
        ),
        (
            SpaceliftError::StackNotWritable { stack: stack() },
            "The integration key may not start runs on stack ",
            "; give its role write access to the stack's space in Spacelift",
        ),
        (
            SpaceliftError::Failed {
                operation: "ListStacks",
                status: StatusCode::BAD_GATEWAY,
                message: Some("upstream connect error or disconnect/reset before headers".into()),
                said: None,
            },
            "Spacelift answered ListStacks with HTTP status 502 Bad Gateway",
            "; try again later, and if it lasts check spacelift.hostUrl and that no proxy answers in its place",
        ),
    ] {
        let error = BackstageError::from(error);
        let shown = phrase(error.message(), Some("5f3a9c1e-2b3f4"), &[]);
        assert!(shown.starts_with(begin), "{shown}");
        assert!(shown.ends_with(&format!("{end} [5f3a9c1e-2b3f4]")), "{shown}");
    }
}

fn body_of(error: BackstageError, url: &str) -> Value {
    body(
        &error,
        &RequestLine {
            method: "GET".into(),
            url: url.into(),
        },
    )
}

#[test]
fn the_body_is_text_and_details_only_if_there_are_any() {
    let error = BackstageError::not_allowed(READ_ONLY);
    assert_eq!(
        body_of(error, "/stacks/x/trigger").to_string(),
        format!(r#"{{"error":"{READ_ONLY}"}}"#)
    );
    let rejected = SpaceliftError::Rejected {
        operation: "ListStacks",
        message: "boom".into(),
        extensions: Map::from_iter([("code".to_owned(), json!("E_BOOM"))]),
    };
    let expected = json!({"error": "Spacelift refused ListStacks: boom", "details": {"code": "E_BOOM"}});
    assert_eq!(body_of(rejected.into(), "/stacks"), expected);
}

#[test]
fn the_paths_every_plugin_shares_keep_the_envelope() {
    for url in [
        "/.backstage/actions/v1/actions",
        "/.Backstage/x",
        "/.well-known/x",
    ] {
        assert_eq!(
            body_of(BackstageError::authentication("Illegal token"), url)["error"]["name"],
            "AuthenticationError"
        );
    }
}

#[test]
fn a_lock_is_described_by_whom_since_when_and_why() {
    let lock = Lock {
        by: "jane".into(),
        at: Some(1_700_000_000),
        note: Some("hands off".into()),
    };
    let error = SpaceliftError::StackLocked {
        stack: StackId::from_segment("a").unwrap(),
        lock,
    };
    let expected = "Stack 'a' is locked by jane since 2023-11-14T22:13:20Z (\"hands off\"); ask for it to be \
                    unlocked in Spacelift and try again";
    assert_eq!(error.to_string(), expected);
    assert_eq!(BackstageError::from(error).status(), StatusCode::CONFLICT);
}

#[test]
fn spacelifts_unauthorized_never_becomes_our_401() {
    for error in [
        SpaceliftError::Unauthorized {
            operation: "ListStacks",
            said: None,
        },
        SpaceliftError::KeyRefused { said: None },
        SpaceliftError::SessionRefused,
    ] {
        assert_eq!(BackstageError::from(error).status(), StatusCode::BAD_GATEWAY);
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_told_by_its_place_and_not_by_its_text() {
    let error = serde_json::from_str::<u8>("\n\"canary\"").unwrap_err();
    assert!(error.to_string().contains("canary"));
    let told = Unreadable::from(error);
    assert_eq!(told.to_string(), "Data error at line 2 column 8");
    assert!(!format!("{told:?}").contains("canary"));
}

#[test]
fn only_an_answer_that_tells_nothing_leaves_doubt() {
    let failed = |status| SpaceliftError::Failed {
        operation: "TriggerRun",
        status,
        message: None,
        said: None,
    };
    assert!(failed(StatusCode::BAD_GATEWAY).leaves_doubt());
    assert!(failed(StatusCode::ACCEPTED).leaves_doubt());
    assert!(failed(StatusCode::REQUEST_TIMEOUT).leaves_doubt());
    assert!(!failed(StatusCode::NOT_FOUND).leaves_doubt());
    assert!(
        SpaceliftError::Malformed {
            operation: "TriggerRun",
            source: None
        }
        .leaves_doubt()
    );
    assert!(
        !SpaceliftError::RateLimited {
            retry_at: Instant::now()
        }
        .leaves_doubt()
    );
}
