//! What became of pull requests, asked of a code host by the rounds that run by themselves.

use std::time::Duration;

use super::desk::REQUESTS;
use crate::{
    integrations::later,
    ske::pulls::portal::{BOTH, Portal, order},
    support::{
        code_host::{Kind, refusal},
        github::now,
    },
};

/// A round comes every minute, up to a tenth later.
const ROUND: Duration = Duration::from_secs(67);

/// A portal with a pull request that was opened and recorded.
async fn portal(kind: Kind) -> Portal {
    let portal = Portal::with(kind, "", ", pendingRequests: { sweepSeconds: 60 }").await;
    portal.ask(&order("small")).await.ok();
    assert_eq!(phases(&portal).await, ["pending-review"]);
    portal
}

async fn phases(portal: &Portal) -> Vec<String> {
    let listed = portal.get(REQUESTS).await.ok();
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| item["phase"].as_str().unwrap().to_owned())
        .collect()
}

async fn until(portal: &Portal, wanted: &[&str]) {
    for _ in 0..400 {
        if phases(portal).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "{:?} and not {wanted:?}: {:?}",
        phases(portal).await,
        portal.host.calls()
    );
}

/// How often the host was asked what became of its pull requests.
fn looks(portal: &Portal) -> usize {
    let list = match portal.host.kind {
        Kind::GitHub => "GET /repos/acme/requests/pulls?state=all",
        Kind::GitLab => "GET /api/v4/projects/acme%2Frequests/merge_requests?state=all",
    };
    portal.host.count(list)
}

/// Lets a round's time pass, and waits until the host was asked once more.
async fn round(portal: &Portal) {
    let before = looks(portal);
    later(ROUND).await;
    for _ in 0..400 {
        if looks(portal) > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody asked: {:?}", portal.host.calls());
}

fn set(portal: &Portal, state: &'static str) {
    portal.world(|world| world.pulls[0].state = state);
}

#[tokio::test]
async fn a_merge_is_shown_and_a_refusal_forgets_the_request() {
    for kind in BOTH {
        let merged = portal(kind).await;
        round(&merged).await;
        assert_eq!(phases(&merged).await, ["pending-review"]);
        set(&merged, "merged");
        round(&merged).await;
        until(&merged, &["merged"]).await;
        let closed = portal(kind).await;
        set(&closed, "closed");
        round(&closed).await;
        until(&closed, &[]).await;
    }
}

#[tokio::test]
async fn a_host_that_wants_to_be_left_alone_is_and_nothing_is_forgotten() {
    for primary in [true, false] {
        let portal = portal(Kind::GitHub).await;
        set(&portal, "closed");
        let reset = (now() + 5).to_string();
        let headers = match primary {
            true => &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset)][..],
            false => &[("retry-after", "4")],
        };
        let list = "GET /repos/acme/requests/pulls";
        portal.host.plant(list, &[refusal(403, headers, "Forbidden")]);
        round(&portal).await;
        later(ROUND).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((looks(&portal), phases(&portal).await.len()), (1, 1));
        // A limit goes by the clock on the wall.
        tokio::time::sleep(Duration::from_secs(5)).await;
        round(&portal).await;
        until(&portal, &[]).await;
    }
}

#[tokio::test]
async fn a_repository_that_is_gone_forgets_nothing() {
    let portal = portal(Kind::GitHub).await;
    let gone = refusal(404, &[], "Not Found");
    portal.host.plant("GET /repos/acme/requests/pulls", &[gone]);
    round(&portal).await;
    assert_eq!(phases(&portal).await, ["pending-review"]);
}
