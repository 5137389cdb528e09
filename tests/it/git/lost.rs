//! Pushes whose answer is lost or late, deadlines, and the end of the process.

use std::time::Duration;

use stagedoor::infra::git::GitError;
use tokio::time::{Instant, sleep, timeout};

use crate::support::git::{
    server::{Fault, Step},
    workshop::{Workshop, change, committed, put, write},
};

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_recognised_and_not_repeated() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop.server.fail_next(Step::Push, Fault::CutAnswer);
    let commit = committed(write(&repository, put("a", "a")).await);
    assert_eq!(workshop.remote.commits()[0], commit);
    assert_eq!(workshop.remote.commits().len(), 2);
    assert_eq!(workshop.server.count(Step::Push), 1);
}

#[tokio::test]
async fn a_lost_answer_is_recognised_below_what_others_pushed_since() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    // With a local copy, the first look is the one before the push.
    repository.tip().await.unwrap();
    workshop.server.fail_next(Step::Push, Fault::CutAnswer);
    // The next look waits until a person has pushed on top.
    workshop
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::ZERO));
    workshop
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::from_secs(2)));
    let (written, ()) = tokio::join!(write(&repository, put("a", "a")), async {
        while workshop.remote.commits().len() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        workshop.remote.push_file("b", "b");
    });
    let commit = committed(written);
    assert_eq!(workshop.remote.commits()[1], commit);
    assert_eq!(workshop.remote.commits().len(), 3);
    assert_eq!(workshop.server.count(Step::Push), 1);
}

#[tokio::test]
async fn a_push_that_never_arrived_is_sent_again() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop.server.fail_next(Step::Push, Fault::CutRequest);
    workshop.server.fail_next(Step::Push, Fault::Status(502));
    committed(write(&repository, put("a", "a")).await);
    assert_eq!(workshop.remote.commits().len(), 2);
    assert_eq!(workshop.server.count(Step::Push), 3);
}

/// A push whose answer is lost, and a server that is away afterwards.
fn go_away_after_the_push(workshop: &Workshop, fault: Fault, looks: usize) {
    workshop.server.fail_next(Step::Push, fault);
    // With a local copy, the first look is the one before the push.
    workshop
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::ZERO));
    for _ in 0..looks {
        workshop.server.fail_next(Step::PushLook, Fault::Status(503));
    }
}

#[tokio::test]
async fn when_the_server_stays_away_after_a_push_the_outcome_is_said_to_be_unknown_and_nothing_follows() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    repository.tip().await.unwrap();
    go_away_after_the_push(&workshop, Fault::CutRequest, 500);
    let deadline = Instant::now() + Duration::from_secs(2);
    let error = repository.write(put("a", "a"), deadline).await.unwrap_err();
    assert!(matches!(error, GitError::Undecided), "{error}");
    assert!(error.to_string().contains("look at the repository"), "{error}");
    workshop.tasks.shut_down().await;
    let looks = workshop.server.met().len();
    assert!((6..40).contains(&looks), "{looks} requests in two seconds");
    assert_eq!(workshop.remote.commits().len(), 1, "and nothing is written later");
}

#[tokio::test]
async fn when_the_server_comes_back_after_a_push_the_commit_is_found_and_not_made_again() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.limits.tries = 2);
    repository.tip().await.unwrap();
    go_away_after_the_push(&workshop, Fault::CutAnswer, 8);
    let meanwhile = async {
        while workshop.remote.commits().len() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        // Nothing was sent of this one: it need not wait.
        write(&repository, put("b", "b")).await
    };
    let (first, second) = tokio::join!(write(&repository, put("a", "a")), meanwhile);
    assert_eq!(workshop.remote.commits()[0], committed(first));
    assert!(matches!(second, Err(GitError::Unreachable { .. })), "{second:?}");
    assert_eq!(workshop.server.count(Step::Push), 1);
    assert_eq!(workshop.remote.commits().len(), 2);
}

#[tokio::test]
async fn a_server_whose_machines_are_out_of_step_is_asked_with_pauses_and_not_for_ever() {
    let workshop = Workshop::new().await;
    let behind = workshop.server.create("behind.git");
    let source = workshop.remote.git(&["rev-parse", "--absolute-git-dir"]);
    behind.git(&["fetch", "--quiet", &source, "main:main"]);
    let repository = workshop.repository_with(|settings| settings.limits.tries = 3);
    repository.tip().await.unwrap();
    workshop.remote.push_file("by-hand", "x");
    workshop.server.fetch_from(Some("behind.git"));
    let gives_up = repository.write(put("b", "b"), Instant::now() + Duration::from_millis(300));
    let (error, gone) = tokio::join!(write(&repository, put("a", "a")), gives_up);
    let error = error.unwrap_err();
    assert!(matches!(error, GitError::Contended { tries: 3 }), "{error}");
    assert!(gone.is_err());
    let looks = workshop.server.count(Step::PushLook);
    assert!(looks <= 9, "{looks} looks");
    workshop.server.fetch_from(None);
    committed(write(&repository, put("c", "c")).await);
    assert_eq!(workshop.remote.files(), ["README", "by-hand", "c"]);
}

#[tokio::test]
async fn a_server_that_drips_is_given_up_on_and_others_are_served() {
    for step in [Step::PushLook, Step::Push] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository_with(|settings| {
            settings.limits.conversation = Duration::from_secs(2);
        });
        repository.tip().await.unwrap();
        workshop.server.fail_next(step, Fault::Drip);
        let written = write(&repository, put("a", "a")).await;
        if step == Step::Push {
            // The server had taken it, and is asked again.
            committed(written);
        } else {
            let error = written.unwrap_err();
            assert!(error.to_string().contains("no end after 2 s"), "{error}");
        }
        committed(write(&repository, put("b", "b")).await);
        workshop.tasks.shut_down().await;
        let expected = if step == Step::Push { 3 } else { 2 };
        assert_eq!(workshop.remote.commits().len(), expected);
    }
}

#[tokio::test]
async fn a_server_that_drips_while_it_is_read_is_given_up_on() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| {
        settings.limits.conversation = Duration::from_secs(1);
    });
    for step in [Step::FetchLook, Step::Fetch] {
        workshop.server.fail_next(step, Fault::Drip);
        let error = repository.tip().await.unwrap_err();
        assert!(error.to_string().contains("no end after 1 s"), "{error}");
    }
    drop(repository);
    // The copy is free at once: no thread was left at work on it.
    assert!(workshop.repository().tip().await.unwrap().is_some());
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_the_conversation() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let slow = Fault::SlowAnswer(Duration::from_secs(30));
    workshop.server.fail_next(Step::PushLook, slow);
    let left = timeout(Duration::from_millis(200), repository.check()).await;
    assert!(left.is_err(), "the caller went away");
    drop(repository);
    // Else another has the copy.
    workshop.repository().check().await.unwrap();
}

#[tokio::test]
async fn what_only_asks_is_asked_once_more_when_it_is_cut() {
    for step in [Step::FetchLook, Step::PushLook] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository();
        workshop.server.fail_next(step, Fault::CutRequest);
        committed(write(&repository, put("a", "a")).await);
        for _ in 0..2 {
            workshop.server.fail_next(step, Fault::CutRequest);
        }
        let asked = match step {
            Step::PushLook => repository.check().await,
            _ => repository.tip().await,
        };
        assert!(matches!(asked, Err(GitError::Unreachable { .. })), "{asked:?}");
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_on_at_every_step() {
    for step in [Step::FetchLook, Step::Fetch, Step::PushLook, Step::Push] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository_with(|settings| {
            settings.limits.conversation = Duration::from_secs(1);
        });
        let stall = Fault::SlowAnswer(Duration::from_secs(30));
        workshop.server.fail_next(step, stall);
        let begun = Instant::now();
        let written = write(&repository, put("a", "a")).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{step:?}");
        match step {
            Step::Push => drop(committed(written)),
            _ => assert!(
                matches!(written, Err(GitError::Unreachable { .. })),
                "{written:?}"
            ),
        }
        committed(write(&repository, put("b", "b")).await);
    }
}

#[tokio::test]
async fn a_deadline_before_anything_was_sent_says_that_nothing_was_written() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::from_secs(2)));
    let deadline = Instant::now() + Duration::from_millis(200);
    let error = repository.write(put("a", "a"), deadline).await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut), "{error}");
    workshop.tasks.shut_down().await;
    assert_eq!(
        workshop.remote.commits().len(),
        1,
        "and it is not written later either"
    );
}

#[tokio::test]
async fn who_gives_up_while_a_damaged_copy_is_made_anew_knows_that_nothing_was_written() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    repository.tip().await.unwrap();
    let damaged = change(|_| {
        Err(Box::new(GitError::Mirror {
            reason: "a test says so".to_owned(),
        }))
    });
    // What is made anew has to be fetched.
    let time = Duration::from_secs(3);
    workshop.server.fail_next(Step::FetchLook, Fault::Slow(time));
    let deadline = Instant::now() + Duration::from_secs(2);
    let (damaged, neighbour) = tokio::join!(
        repository.write(damaged, deadline),
        repository.write(put("a", "a"), deadline),
    );
    for error in [damaged.unwrap_err(), neighbour.unwrap_err()] {
        assert!(matches!(error, GitError::TimedOut), "{error}");
    }
    workshop.tasks.shut_down().await;
    assert_eq!(workshop.remote.files(), ["README"]);
}

#[tokio::test]
async fn a_deadline_during_the_push_says_that_the_outcome_is_not_known() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    // The local copy exists, so that the time goes into the push alone.
    repository.tip().await.unwrap();
    workshop
        .server
        .fail_next(Step::Push, Fault::SlowAnswer(Duration::from_secs(3)));
    let deadline = Instant::now() + Duration::from_secs(2);
    let error = repository.write(put("a", "a"), deadline).await.unwrap_err();
    assert!(matches!(error, GitError::Undecided), "{error}");
    workshop.tasks.shut_down().await;
    assert_eq!(workshop.remote.commits().len(), 2);
}

#[tokio::test]
async fn the_end_waits_for_what_was_accepted_even_if_nobody_waits_for_the_answer() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop
        .server
        .fail_next(Step::PushLook, Fault::Slow(Duration::from_secs(1)));
    let left = timeout(Duration::from_millis(100), write(&repository, put("a", "a"))).await;
    assert!(left.is_err(), "the caller went away");
    workshop.tasks.shut_down().await;
    assert_eq!(workshop.remote.files(), ["README", "a"]);
}

#[tokio::test]
async fn a_full_line_turns_away_and_writes_nothing() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.limits.most_waiting = 0);
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    assert!(matches!(error, GitError::Overloaded), "{error}");
}
