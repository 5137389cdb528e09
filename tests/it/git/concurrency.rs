//! Many who write at the same time.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use stagedoor::infra::git::GitRepository;

use crate::support::git::{
    server::{Fault, Step},
    workshop::{Workshop, committed, put, write},
};

async fn write_each(repository: &GitRepository, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let writes = names.into_iter().map(|name| async move {
        let content = format!("name: {name}\n");
        committed(write(repository, put(&format!("{name}.yaml"), &content)).await)
    });
    join_all(writes).await
}

fn names(prefix: &str) -> impl Iterator<Item = String> {
    (0..32).map(move |number| format!("{prefix}-{number:02}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_writers_share_pushes_and_each_has_a_commit() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let commits = write_each(&repository, names("a")).await;
    let distinct: BTreeSet<_> = commits.iter().collect();
    assert_eq!(distinct.len(), 32, "one commit each");
    let on_branch = workshop.remote.commits();
    assert_eq!(on_branch.len(), 33);
    assert!(commits.iter().all(|commit| on_branch.contains(commit)));
    assert_eq!(workshop.remote.files().len(), 33);
    for commit in &commits {
        let touched = workshop.remote.git(&["show", "--format=", "--name-only", commit]);
        assert_eq!(touched.lines().count(), 1, "{touched}");
    }
    workshop.remote.must_be_linear_and_whole();
    let pushes = workshop.server.count(Step::Push);
    assert!(pushes <= 3, "{pushes} pushes for 32 writes that arrive together");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_and_a_person_write_at_once_and_nothing_is_lost() {
    let workshop = Workshop::new().await;
    let other_data = tempfile::tempdir().unwrap();
    let one = workshop.repository();
    let two = workshop.repository_with(|settings| settings.data_folder = other_data.path().to_owned());
    let remote = Arc::new(workshop.remote);
    let by_hand = Arc::clone(&remote);
    let person = tokio::task::spawn_blocking(move || {
        let clone = by_hand.working_copy();
        for number in 0..5 {
            clone.write(&format!("hand-{number}.yaml"), "by hand\n");
            clone.commit("by hand");
            clone.push_on_top();
        }
    });
    let (first, second) = tokio::join!(write_each(&one, names("a")), write_each(&two, names("b")));
    person.await.unwrap();
    let acknowledged: BTreeSet<_> = first.into_iter().chain(second).collect();
    let on_branch: BTreeSet<_> = remote.commits().into_iter().collect();
    assert_eq!(acknowledged.len(), 64);
    assert!(
        acknowledged.is_subset(&on_branch),
        "what was acknowledged is on the branch"
    );
    assert_eq!(on_branch.len(), 1 + 64 + 5, "and nothing twice");
    assert_eq!(remote.files().len(), 1 + 64 + 5);
    remote.must_be_linear_and_whole();
}

#[tokio::test]
async fn a_branch_that_moves_between_the_look_and_the_push_means_starting_again() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    // The server holds the push back until a person has pushed.
    let time = std::time::Duration::from_secs(2);
    workshop.server.fail_next(Step::Push, Fault::Slow(time));
    let (written, by_hand) = tokio::join!(write(&repository, put("b", "b")), async {
        while workshop.server.count(Step::Push) < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        workshop.remote.push_file("c", "c")
    });
    let on_branch = workshop.remote.commits();
    assert_eq!(on_branch[..2], [committed(written), by_hand]);
    workshop.remote.must_be_linear_and_whole();
}

#[tokio::test]
async fn who_loses_every_race_is_told_so_and_nothing_was_written() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.limits.tries = 3);
    // As another push that hangs while it holds the branch.
    let locked = workshop.remote.git(&["rev-parse", "--absolute-git-dir"]);
    std::fs::write(format!("{locked}/refs/heads/main.lock"), "").unwrap();
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    assert!(error.to_string().contains("3 times"), "{error}");
    assert_eq!(workshop.server.count(Step::Push), 3);
    assert_eq!(workshop.remote.commits().len(), 1);
}
