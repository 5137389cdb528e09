//! Pull requests whose texts are so long that a page of them is not read: fewer are asked for at once.

use stagedoor::backstage::integrations::{HostError, PullRequestState::Open};

use super::states::{REPOSITORY, host, hosts, look};
use crate::support::code_host::{FakeCodeHost, Kind};

/// As many open pull requests, each with a text of so many bytes.
async fn with_texts(kind: Kind, pulls: u64, bytes: usize) -> FakeCodeHost {
    let fake = host(kind, pulls).await;
    fake.world(REPOSITORY, |world| {
        for pull in &mut world.pulls {
            pull.body = "é".repeat(bytes / 2);
        }
    });
    fake
}

#[tokio::test]
async fn a_page_that_is_too_long_is_asked_for_in_smaller_ones() {
    // The longest text that is let through, in letters of two bytes: 12 MB for a hundred.
    for (kind, calls) in [(Kind::GitHub, 1 + 4), (Kind::GitLab, 3)] {
        let fake = with_texts(kind, 100, 120_000).await;
        let all: Vec<u64> = (1..=100).collect();
        let looked = look(&hosts(&fake, false), &all).await;
        assert!(looked.trouble.is_none(), "{:?}", looked.trouble);
        assert_eq!(looked.states.len(), 100);
        assert!(looked.states.values().all(|state| *state == Open));
        assert_eq!(fake.calls().len(), calls, "{:?}", fake.calls());
    }
}

#[tokio::test]
async fn one_that_is_too_long_by_itself_is_not_known_and_hides_no_other() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        let fake = with_texts(kind, 3, 10).await;
        fake.world(REPOSITORY, |world| world.pulls[1].body = "x".repeat(9 << 20));
        let looked = look(&hosts(&fake, false), &[1, 2, 3]).await;
        assert_eq!(
            looked.states.into_iter().collect::<Vec<_>>(),
            [(1, Open), (3, Open)],
            "{kind:?}"
        );
        let trouble = looked.trouble.unwrap();
        assert!(matches!(trouble, HostError::TooLong { .. }), "{trouble}");
        assert!(trouble.to_string().contains("integrations.git"), "{trouble}");
    }
}
