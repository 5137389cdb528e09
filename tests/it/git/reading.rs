//! Reading the branch: files, contents, differences, and how fresh they are.

use std::time::Duration;

use futures_util::future::join_all;
use stagedoor::infra::git::{CommitId, FolderPath, GitRepository, Written};

use crate::support::git::{
    remote::must,
    server::{Fault, Step},
    workshop::{Workshop, committed, path, put, write},
};

fn folder(path: &str) -> FolderPath {
    FolderPath::parse(path).unwrap()
}

async fn listed(repository: &GitRepository, below: &str) -> Vec<String> {
    let below = folder(below);
    let files = repository.read(move |tip| tip.files(&below)).await.unwrap();
    files.into_iter().map(|file| file.path).collect()
}

async fn changed(repository: &GitRepository, since: Option<CommitId>, below: &str) -> Option<Vec<String>> {
    let below = folder(below);
    let changes = repository
        .read(move |tip| tip.changes_since(since, &below))
        .await
        .unwrap();
    let describe = |change: stagedoor::infra::git::ChangedFile| {
        let sign = match (change.before, change.now) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        format!("{sign}{}", change.path)
    };
    changes.map(|changes| changes.into_iter().map(describe).collect())
}

#[tokio::test]
async fn files_are_listed_below_a_folder_without_symlinks_and_submodules() {
    let workshop = Workshop::new().await;
    let clone = workshop.remote.working_copy();
    for file in ["a/x.yaml", "a/b/y.yaml", "ab/z.yaml"] {
        clone.write(file, "x");
    }
    std::os::unix::fs::symlink("x.yaml", clone.work().join("a/link.yaml")).unwrap();
    clone.git(&["add", "--all"]);
    let head = clone.git(&["rev-parse", "HEAD"]);
    clone.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{head},a/module"),
    ]);
    clone.git(&["commit", "--quiet", "--message", "by hand"]);
    clone.git(&["push", "--quiet", "origin", "main"]);
    let repository = workshop.repository();
    assert_eq!(
        listed(&repository, "").await,
        ["README", "a/b/y.yaml", "a/x.yaml", "ab/z.yaml"]
    );
    assert_eq!(listed(&repository, "a").await, ["a/b/y.yaml", "a/x.yaml"]);
    assert!(listed(&repository, "none").await.is_empty());
    assert!(listed(&repository, "README").await.is_empty());
    let link = repository
        .read(|tip| tip.read(&path("a/link.yaml")))
        .await
        .unwrap();
    assert_eq!(link, None, "a symlink is not followed");
}

#[tokio::test]
async fn contents_are_read_by_path_and_by_id_and_their_size_is_known_before() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let read = repository.read(|tip| {
        let blob = tip.file(&path("README"))?.unwrap();
        Ok((tip.blob_size(blob)?, tip.blob(blob)?, tip.read(&path("none"))?))
    });
    assert_eq!(read.await.unwrap(), (8, b"by hand\n".to_vec(), None));
}

#[tokio::test]
async fn differences_name_what_was_added_changed_and_removed_below_a_folder() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    for (file, content) in [("s/a", "1"), ("s/b", "1"), ("s/in/c", "1")] {
        committed(write(&repository, put(file, content)).await);
    }
    let before = repository.tip().await.unwrap();
    let clone = workshop.remote.working_copy();
    clone.write("s/a", "2");
    clone.write("s/new", "1");
    clone.write("other", "1");
    std::fs::remove_file(clone.work().join("s/in/c")).unwrap();
    clone.commit("by hand");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let below = changed(&repository, before, "s").await;
    assert_eq!(below.unwrap(), ["~s/a", "-s/in/c", "+s/new"]);
    assert_eq!(changed(&repository, before, "s/in").await.unwrap(), ["-s/in/c"]);
    assert_eq!(
        changed(&repository, before, "none").await.unwrap(),
        Vec::<String>::new()
    );
    let all = changed(&repository, None, "").await;
    assert_eq!(all.unwrap(), ["+README", "+other", "+s/a", "+s/b", "+s/new"]);
    let same = repository.tip().await.unwrap();
    assert!(changed(&repository, same, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_becomes_a_symlink_is_removed_as_far_as_readers_see() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let before = repository.tip().await.unwrap();
    let clone = workshop.remote.working_copy();
    std::fs::remove_file(clone.work().join("README")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", clone.work().join("README")).unwrap();
    clone.commit("by hand");
    clone.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(changed(&repository, before, "").await.unwrap(), ["-README"]);
}

#[tokio::test]
async fn files_with_modes_that_only_old_tools_write_are_files_like_others() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let blobs = ["1", "2"].map(|text| workshop.remote.git_fed(&["hash-object", "-w", "--stdin"], text));
    let inner = |mode: &str, blob: &str| {
        let listed = format!("{mode} blob {blob}\tfile\n");
        workshop.remote.git_fed(&["mktree"], &listed)
    };
    let tree = |inner: &str, blob: &str| {
        format!(
            "100664 blob {blob}\ta\n100640 blob {blob}\tb\n120777 blob {blob}\tlink\n040000 tree {inner}\ts\n"
        )
    };
    workshop
        .remote
        .commit_tree(&tree(&inner("100640", &blobs[0]), &blobs[0]));
    let before = repository.tip().await.unwrap();
    assert_eq!(listed(&repository, "").await, ["a", "b", "s/file"]);
    workshop
        .remote
        .commit_tree(&tree(&inner("100664", &blobs[1]), &blobs[1]));
    assert_eq!(
        changed(&repository, before, "").await.unwrap(),
        ["~a", "~b", "~s/file"]
    );
    assert_eq!(changed(&repository, before, "s").await.unwrap(), ["~s/file"]);
    committed(write(&repository, put("a", "3")).await);
    committed(write(&repository, put("s/more", "3")).await);
    assert_eq!(workshop.remote.show("a"), "3");
    assert_eq!(
        changed(&repository, before, "s").await.unwrap(),
        ["~s/file", "+s/more"]
    );
}

#[tokio::test]
async fn a_file_that_becomes_a_folder_is_removed_and_its_files_are_added() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    for (file, content) in [("a", "1"), ("a.b", "1"), ("a0", "1"), ("z/x", "1")] {
        committed(write(&repository, put(file, content)).await);
    }
    let before = repository.tip().await.unwrap();
    let clone = workshop.remote.working_copy();
    std::fs::remove_file(clone.work().join("a")).unwrap();
    std::fs::remove_dir_all(clone.work().join("z")).unwrap();
    clone.write("a/x", "1");
    clone.write("a/y/z", "1");
    clone.write("z", "1");
    clone.commit("by hand");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let expected = ["-a", "+a/x", "+a/y/z", "+z", "-z/x"];
    assert_eq!(changed(&repository, before, "").await.unwrap(), expected);
}

#[tokio::test]
async fn a_history_rewritten_by_others_is_followed_and_written_upon() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    let before = repository.tip().await.unwrap();
    let clone = workshop.remote.working_copy();
    clone.git(&["checkout", "--quiet", "--orphan", "fresh"]);
    clone.write("b", "b");
    clone.git(&["rm", "--quiet", "--cached", "-r", "a"]);
    std::fs::remove_file(clone.work().join("a")).unwrap();
    clone.commit("history is what I say");
    clone.git(&["push", "--quiet", "--force", "origin", "fresh:main"]);
    assert_eq!(listed(&repository, "").await, ["README", "b"]);
    let changes = changed(&repository, before, "").await;
    assert_eq!(changes.unwrap(), ["-a", "+b"]);
    committed(write(&repository, put("c", "c")).await);
    assert_eq!(workshop.remote.files(), ["README", "b", "c"]);
    assert_eq!(workshop.remote.commits().len(), 2);
}

#[tokio::test]
async fn an_earlier_state_that_is_not_known_means_reading_everything() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let written = write(&repository, put("a", "a")).await.unwrap();
    let Written::Committed(commit) = written else {
        panic!("{written:?}")
    };
    workshop.remote.git(&["update-ref", "refs/heads/main", "main~1"]);
    workshop.close(repository).await;
    let data = tempfile::tempdir().unwrap();
    let fresh = workshop.repository_with(|settings| settings.data_folder = data.path().to_owned());
    assert_eq!(changed(&fresh, Some(commit), "").await, None);
}

#[tokio::test]
async fn reads_within_the_interval_ask_the_server_once() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| {
        settings.limits.fetch_interval = Duration::from_secs(600);
    });
    for _ in 0..5 {
        repository.tip().await.unwrap();
    }
    assert_eq!(workshop.server.count(Step::FetchLook), 1);
    let written = write(&repository, put("a", "a")).await.unwrap();
    assert_eq!(
        repository.tip().await.unwrap(),
        written.commit(),
        "what we wrote is seen at once"
    );
    assert_eq!(workshop.server.count(Step::FetchLook), 1);
}

#[tokio::test]
async fn reads_join_a_fetch_that_is_under_way() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop
        .server
        .fail_next(Step::FetchLook, Fault::Slow(Duration::from_millis(500)));
    let tips = join_all((0..16).map(|_| repository.tip())).await;
    assert!(tips.iter().all(|tip| tip.is_ok()));
    assert_eq!(workshop.server.count(Step::FetchLook), 1);
}

#[tokio::test]
async fn a_failed_fetch_is_shared_and_answers_for_a_moment() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| {
        settings.limits.fetch_interval = Duration::from_secs(600);
    });
    workshop.server.fail_next(Step::FetchLook, Fault::Status(503));
    let tips = join_all((0..16).map(|_| repository.tip())).await;
    assert!(tips.iter().all(|tip| tip.is_err()));
    assert!(repository.tip().await.is_err(), "held");
    assert_eq!(workshop.server.met().len(), 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(repository.tip().await.unwrap().is_some(), "and then asked again");
}

#[tokio::test]
async fn a_fetch_begun_before_a_write_does_not_hide_it() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    repository.tip().await.unwrap();
    workshop
        .server
        .fail_next(Step::FetchLook, Fault::SlowAnswer(Duration::from_secs(2)));
    let (seen, written) = tokio::join!(repository.tip(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        write(&repository, put("a", "a")).await.unwrap()
    });
    assert_eq!(seen.unwrap(), written.commit());
}

#[tokio::test]
async fn a_check_says_where_the_branch_is_and_writes_nothing() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let tip = repository.check().await.unwrap().unwrap();
    assert_eq!(tip.to_string(), workshop.remote.commits()[0]);
    assert_eq!(workshop.server.count(Step::Push), 0);
}

#[tokio::test]
async fn a_branch_with_slashes_in_its_name_is_read_and_written() {
    let workshop = Workshop::new().await;
    workshop.remote.git(&["branch", "team/state", "main"]);
    let repository = workshop.repository_with(|settings| {
        settings.branch = stagedoor::infra::git::BranchName::parse("team/state").unwrap();
    });
    committed(write(&repository, put("a", "a")).await);
    let folder = workshop.remote.git(&["rev-parse", "--absolute-git-dir"]);
    let files = must(folder.as_ref(), &["ls-tree", "-r", "--name-only", "team/state"]);
    assert_eq!(files, "README\na");
    assert_eq!(workshop.remote.commits().len(), 1, "main is as it was");
}
