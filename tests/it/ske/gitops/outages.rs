//! The server of the repository down, slow, refusing or losing answers: status, sentence, and what became of the write.

use std::time::{Duration, Instant};

use serde_json::json;

use super::place::{Depot, MINE, commit_of, document, hash_of, holding};
use crate::{
    ske::{place::until, portal::Said},
    support::{
        app::LIMIT,
        git::server::{Fault, PASSWORD, Step},
    },
};

/// Status and sentence, which never hold the password.
#[track_caller]
fn told(said: Said) -> (u16, String) {
    assert!(!said.body.to_string().contains(PASSWORD), "{}", said.body);
    said.refused()
}

/// Reads, writes and deletes.
async fn all(depot: &Depot) -> [Said; 3] {
    [
        depot.read("mine").await,
        depot.write("mine", json!({ "size": "large" })).await,
        depot.delete("mine").await,
    ]
}

#[tokio::test]
async fn a_server_that_is_down_is_a_502_that_names_the_repository() {
    let elsewhere = |config: &str| {
        let at = config.find("http://127.0.0.1:").unwrap();
        let url = config.match_indices("repoUrl: '").next().unwrap().0 + "repoUrl: '".len();
        assert!(at < url);
        let end = url + config[url..].find('\'').unwrap();
        format!("{}http://127.0.0.1:1/state.git{}", &config[..url], &config[end..])
    };
    let depot = Depot::configured("{}", elsewhere).await;
    for said in all(&depot).await {
        let begun = Instant::now();
        let (status, message) = told(said);
        assert_eq!(status, 502, "{message}");
        assert!(
            message.contains("http://127.0.0.1:1/state.git") && message.contains("cannot be reached"),
            "{message}"
        );
        assert!(begun.elapsed() < LIMIT / 2);
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_a_502_and_never_a_404() {
    let other = |config: &str| config.replace("/state.git", "/other.git");
    let depot = Depot::configured("{}", other).await;
    for said in all(&depot).await {
        let (status, message) = told(said);
        assert!(
            status == 502 && message.contains("does not exist"),
            "{status} {message}"
        );
    }
}

#[tokio::test]
async fn a_refused_credential_is_a_502_and_never_a_401() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let wrong = |config: &str| config.replace(PASSWORD, "expired-t0ken");
    let depot = Depot::behind(workshop, "{}", wrong).await;
    for said in all(&depot).await {
        assert!(!said.body.to_string().contains("expired-t0ken"), "{}", said.body);
        let (status, message) = said.refused();
        assert!(
            status == 502 && message.contains("did not accept the credential"),
            "{status} {message}"
        );
    }
    assert_eq!(depot.remote.commits().len(), 2);
}

#[tokio::test]
async fn a_credential_that_may_not_push_is_a_502_that_says_which_right_is_missing() {
    let depot = Depot::open().await;
    depot.server.fail_next(Step::PushLook, Fault::Status(403));
    let (status, message) = told(depot.write("mine", json!({})).await);
    assert_eq!(status, 502, "{message}");
    assert!(message.contains("the right to read and write"), "{message}");
    assert_eq!(depot.remote.commits().len(), 1);
}

/// A portal whose first looks at the repository meet these faults; what is read early meets them, too.
async fn behind_faults(ours: &str, faults: &[(Step, Fault)]) -> Depot {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    for (step, fault) in faults {
        workshop.server.fail_next(*step, fault.clone());
    }
    Depot::behind(workshop, ours, str::to_owned).await
}

#[tokio::test]
async fn a_failure_while_fetching_is_over_when_the_server_is_back() {
    for (step, fault) in [
        (Step::FetchLook, Fault::Status(500)),
        (Step::Fetch, Fault::Status(503)),
        (Step::FetchLook, Fault::CutRequest),
        (Step::Fetch, Fault::CutAnswer),
    ] {
        let depot = behind_faults("{}", &[(step, fault.clone()), (step, fault.clone())]).await;
        let (status, message) = told(depot.read("mine").await);
        assert_eq!(status, 502, "{step:?} {fault:?}: {message}");
        until(200, || depot.read("mine")).await;
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_a_504_within_the_configured_time() {
    let slow = (Step::FetchLook, Fault::Slow(Duration::from_secs(5)));
    let depot = behind_faults("{ timeout: 1s }", &[slow]).await;
    let begun = Instant::now();
    let (status, message) = told(depot.read("mine").await);
    assert_eq!(status, 504, "{message}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    until(200, || depot.read("mine")).await;
}

/// A portal that has read its repository, and waits for a write four times this long.
async fn patient(timeout: &str) -> Depot {
    let ours = format!("{{ timeout: {timeout} }}");
    let depot = Depot::behind(holding(&[]).await, &ours, str::to_owned).await;
    until(404, || depot.read("mine")).await;
    depot
}

#[tokio::test]
async fn a_write_that_could_not_be_sent_in_time_is_a_504_and_stays_unwritten() {
    let depot = patient("1s").await;
    depot
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::from_secs(7)));
    let (status, message) = told(depot.write("mine", json!({})).await);
    assert!(
        status == 504 && message.contains("nothing was written"),
        "{status} {message}"
    );
    depot.server.quiet().await;
    depot.app.stop().await.unwrap();
    assert_eq!(depot.remote.commits().len(), 1);
}

#[tokio::test]
async fn a_write_whose_answer_does_not_come_is_a_504_that_says_its_fate_is_unknown() {
    let depot = patient("1s").await;
    depot
        .server
        .fail_next(Step::Push, Fault::SlowAnswer(Duration::from_secs(8)));
    let (status, message) = told(depot.write("mine", json!({ "size": "small" })).await);
    assert_eq!(status, 504, "{message}");
    assert!(
        message.contains("not known") && message.contains("before trying again"),
        "{message}"
    );
    assert_eq!(depot.remote.files(), ["README", MINE], "here it had been taken");
    // Asking again is safe: what is there already is not written twice.
    let again = until(200, || depot.write("mine", json!({ "size": "small" }))).await;
    assert_eq!(commit_of(again), depot.head());
    assert_eq!(depot.remote.commits().len(), 2);
}

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_a_success_and_one_commit() {
    let depot = Depot::open().await;
    depot.server.fail_next(Step::Push, Fault::CutAnswer);
    let commit = commit_of(depot.write("mine", json!({})).await);
    assert_eq!(depot.head(), commit);
    depot.server.fail_next(Step::Push, Fault::CutRequest);
    let commit = hash_of(depot.delete("mine").await);
    assert_eq!(depot.head(), commit);
    assert_eq!(depot.remote.commits().len(), 3);
}

#[tokio::test]
async fn a_branch_that_takes_no_direct_push_is_told_with_the_way_round() {
    let depot = Depot::open().await;
    depot.remote.hook(
        "update",
        "echo 'GH006: Protected branch update failed for main.' >&2; exit 1",
    );
    let (status, message) = told(depot.write("mine", json!({})).await);
    assert!([403, 409, 422].contains(&status), "{status} {message}");
    for part in ["main", "direct pushes", "pull request", "GH006"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(depot.remote.commits().len(), 1);
    assert_eq!(
        depot.read("mine").await.refused().0,
        404,
        "nor is it shown as if it were there"
    );
}

#[tokio::test]
async fn a_rule_that_refuses_one_change_refuses_no_other_and_is_told_in_its_own_words() {
    let depot = Depot::open().await;
    let rule = "while read old new ref; do\n  if git diff --name-only $old $new | grep -q marked; then\n    \
                echo 'no marked files here' >&2; exit 1\n  fi\ndone";
    depot.remote.hook("pre-receive", rule);
    let (marked, other) = tokio::join!(depot.write("marked", json!({})), depot.write("other", json!({})));
    let (status, message) = told(marked);
    assert!([403, 409, 422].contains(&status), "{status} {message}");
    assert!(message.contains("no marked files here"), "{message}");
    other.ok();
    assert_eq!(depot.read("marked").await.refused().0, 404);
}

#[tokio::test]
async fn who_loses_every_race_is_told_409_and_that_nothing_was_written() {
    let depot = Depot::open().await;
    // As another push that hangs while it holds the branch.
    let folder = depot.remote.git(&["rev-parse", "--absolute-git-dir"]);
    let lock = format!("{folder}/refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let (status, message) = told(depot.write("mine", json!({})).await);
    assert_eq!(status, 409, "{message}");
    assert!(
        message.contains("at the same time") && message.contains("nothing was written"),
        "{message}"
    );
    assert_eq!(depot.remote.commits().len(), 1);
    std::fs::remove_file(lock).unwrap();
    depot.write("mine", json!({})).await.ok();
}

#[tokio::test]
async fn a_redirect_elsewhere_is_a_502_and_gets_no_credential() {
    let elsewhere = holding(&[]).await;
    let depot = Depot::open().await;
    let address = elsewhere.server.url("state.git");
    for _ in 0..4 {
        let target = format!("{address}/info/refs?service=git-upload-pack");
        depot.server.fail_next(Step::FetchLook, Fault::Redirect(target));
    }
    let (status, message) = told(depot.read("mine").await);
    assert!(
        status == 502 && message.contains(&format!("redirects to {address};")),
        "{status} {message}"
    );
    assert!(elsewhere.server.met().is_empty(), "no request was sent there");
}
