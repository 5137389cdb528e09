//! What the scaffolder's task page still shows of our longer sentences: what happened, and what to do about it.

use http::StatusCode;

use super::{
    domain::{Lock, StackId},
    error::SpaceliftError,
};
use crate::backstage::{actions::phrase, error::BackstageError};

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
