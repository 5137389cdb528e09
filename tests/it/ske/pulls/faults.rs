//! Hosts that limit, refuse, fail, hang or lose permission: each has its status and its sentence, in bounded time.

use std::time::Duration;

use serde_json::json;

use super::portal::{BOTH, BRANCH, Portal, order, order_with, publication_with};
use crate::support::code_host::{Kind, Planted, refusal};

/// The first thing that is asked.
fn first(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub => "GET /repos/acme/requests",
        Kind::GitLab => "GET /api/v4/projects/acme%2Frequests",
    }
}

/// The first thing that is written.
fn write(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub => "POST /repos/acme/requests/git/trees",
        Kind::GitLab => "POST /api/v4/projects/acme%2Frequests/repository/commits",
    }
}

/// The last thing that is done.
fn open(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub => "POST /repos/acme/requests/pulls",
        Kind::GitLab => "POST /api/v4/projects/acme%2Frequests/merge_requests",
    }
}

#[tokio::test]
async fn a_repository_that_is_not_covered_is_a_502_that_says_so_and_never_a_404() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        for at in [first(kind), write(kind), open(kind)] {
            let words = if kind == Kind::GitHub {
                "Not Found"
            } else {
                "404 Project Not Found"
            };
            portal.host.plant(at, &[refusal(404, &[], words)]);
            let (status, message) = portal.ask(&order("small")).await.refused();
            assert!(
                status == 502
                    && message.contains("token or App does not cover")
                    && message.contains("acme/requests"),
                "{at}: {status} {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_callers_own_token_that_does_not_cover_it_is_the_callers_fault() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", branch: main", "").await;
        portal.host.take("canary-callers-own-token");
        let mut wanted = publication_with("token", json!("canary-callers-own-token"));
        wanted["branchName"] = json!("main");
        let at = first(kind);
        portal.host.plant(at, &[refusal(404, &[], "Not Found")]);
        let (status, message) = portal.publish(&wanted).await.refused();
        assert!(
            status == 403 && message.contains("the token of this call"),
            "{status} {message}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_is_a_429_with_its_pause_and_obeyed() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.host.plant(
            first(kind),
            &[refusal(429, &[("retry-after", "40")], "slow down")],
        );
        for _ in 0..2 {
            let response = portal
                .app
                .client
                .post(portal.app.url("/api/ske/pull-requests"))
                .bearer_auth(crate::support::app::STATIC_TOKEN)
                .json(&order("small"))
                .send()
                .await
                .unwrap();
            let pause: u64 = response.headers()["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap();
            assert!(
                response.status() == 429 && (35..=40).contains(&pause),
                "{response:?}"
            );
        }
        assert_eq!(portal.host.calls().len(), 1, "the host is left alone");
    }
}

#[tokio::test]
async fn githubs_limit_that_comes_as_403_is_a_429_too() {
    let portal = Portal::start(Kind::GitHub).await;
    let secondary = "You have exceeded a secondary rate limit";
    portal
        .host
        .plant(first(Kind::GitHub), &[refusal(403, &[], secondary)]);
    assert_eq!(portal.ask(&order("small")).await.refused().0, 429);
}

#[tokio::test]
async fn each_fault_of_a_host_has_its_status_and_sentence() {
    for kind in BOTH {
        for (answer, status, says) in [
            (refusal(500, &[], "oops"), 502, "try again later"),
            (refusal(502, &[], "oops"), 502, "try again later"),
            (
                refusal(503, &[], "down for maintenance"),
                503,
                "down for maintenance",
            ),
            (
                refusal(403, &[], "Resource not accessible by integration"),
                502,
                "give it the right to write",
            ),
            (
                refusal(422, &[], "Repository rule violations found"),
                409,
                "Repository rule violations found",
            ),
            (Planted::Page(200), 502, "apiBaseUrl"),
            (Planted::Page(404), 502, "apiBaseUrl"),
            (
                Planted::Raw(201, Vec::new(), json!({"nothing": 1})),
                502,
                "apiBaseUrl",
            ),
        ] {
            let portal = Portal::start(kind).await;
            portal.host.plant(write(kind), &[answer]);
            let (told, message) = portal.ask(&order("small")).await.refused();
            assert!(
                told == status && message.contains(says),
                "{kind:?} {says}: {told} {message}"
            );
            assert!(portal.pulls().is_empty());
            portal.ask(&order("small")).await.ok();
        }
    }
}

#[tokio::test]
async fn a_refused_credential_of_ours_is_a_502_and_not_a_401() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let refused = [
            refusal(401, &[], "Bad credentials"),
            refusal(401, &[], "Bad credentials"),
        ];
        portal
            .host
            .plant(first(kind), &refused[..if kind == Kind::GitHub { 2 } else { 1 }]);
        let (status, message) = portal.ask(&order("small")).await.refused();
        assert!(
            status == 502 && message.contains("integrations.git"),
            "{status} {message}"
        );
    }
}

#[tokio::test]
async fn a_host_that_hangs_is_a_504_in_time_and_running_it_again_goes_on() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.host.plant(open(kind), &[Planted::Hang]);
        let wanted = order("small");
        let begun = std::time::Instant::now();
        let (status, message) = portal.ask(&wanted).await.refused();
        assert!(
            status == 504 && message.contains("running it again"),
            "{status} {message}"
        );
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        assert_eq!(portal.ask(&wanted).await.ok()["created"], true);
        assert_eq!(portal.pulls().len(), 1);
    }
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_told_by_name() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let (status, message) = portal
            .ask(&order_with("targetBranch", json!("next")))
            .await
            .refused();
        assert!(
            status == 409 && message.contains("'next' does not exist"),
            "{status} {message}"
        );
        assert!(portal.world(|world| !world.branches.contains_key(BRANCH)));
    }
}

#[tokio::test]
async fn an_empty_repository_is_told_from_a_branch_that_is_not_there() {
    let portal = Portal::start(Kind::GitLab).await;
    portal.world(|world| world.default_branch = String::new());
    let (status, message) = portal.ask(&order("small")).await.refused();
    assert!(
        status == 409 && message.contains("is empty"),
        "{status} {message}"
    );
}

#[tokio::test]
async fn somebody_who_is_always_faster_is_a_409_after_three_tries() {
    let portal = Portal::start(Kind::GitHub).await;
    let moved = refusal(422, &[], "Reference already exists");
    portal.host.plant(
        "POST /repos/acme/requests/git/refs",
        &[moved.clone(), moved.clone(), moved],
    );
    let (status, message) = portal.ask(&order("small")).await.refused();
    assert!(
        status == 409 && message.contains("at the same time"),
        "{status} {message}"
    );
}

#[tokio::test]
async fn a_failed_step_of_a_template_shows_the_reason() {
    let portal = Portal::start(Kind::GitHub).await;
    portal
        .host
        .plant(first(Kind::GitHub), &[refusal(404, &[], "Not Found")]);
    let template = portal.backstage.on_behalf_of("jane", "scaffolder");
    let reply = portal.run(&template, "open-pull-request", &order("small")).await;
    assert_eq!(reply.refused().0, 502);
    assert!(
        reply
            .phrase
            .contains("code.example.com/acme/requests does not exist"),
        "{reply:?}"
    );
}
