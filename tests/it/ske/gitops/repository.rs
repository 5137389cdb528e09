//! Repositories in a bad state: what is in the way, what is too large, what others did to the branch.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use serde_json::json;

use super::place::{Depot, MINE, NOTICED, commit_of, document, holding, push};
use crate::{
    ske::place::until_within,
    support::git::{server::GitServer, workshop::Workshop},
};

#[tokio::test]
async fn no_symlink_is_followed_in_reading_or_writing() {
    let workshop = holding(&[("secret.yaml", &document("hidden", "small"))]).await;
    let clone = workshop.remote.working_copy();
    fs::create_dir_all(clone.work().join("requests")).unwrap();
    fs::create_dir_all(clone.work().join("elsewhere")).unwrap();
    fs::write(clone.work().join("elsewhere/kept"), "kept\n").unwrap();
    for (target, link) in [
        ("../secret.yaml", "requests/link.yaml"),
        ("../secret.yaml", MINE),
        ("../elsewhere", "requests/folder"),
        ("/etc/passwd", "requests/absolute.yaml"),
        ("../elsewhere", "requests/database.example.org"),
    ] {
        symlink(target, clone.work().join(link)).unwrap();
    }
    push(&clone);
    let nested = "{ layout: nested }";
    for (ours, may_go_elsewhere) in [("{}", true), (nested, false)] {
        let depot = Depot::behind(copy_of(&workshop).await, ours, str::to_owned).await;
        assert_eq!(depot.read("hidden").await.refused().0, 404);
        let said = depot.write("mine", json!({ "size": "small" })).await;
        if may_go_elsewhere && said.status == 200 {
            // Beside it, never through it.
            assert_ne!(
                depot.remote.git(&["ls-tree", "main", MINE]).split(' ').next(),
                Some("100644")
            );
            depot.read("mine").await.ok();
        } else {
            let (status, message) = said.refused();
            assert!(
                [409, 422].contains(&status) && message.contains("symlink"),
                "{status} {message}"
            );
        }
        let link = depot
            .remote
            .git(&["ls-tree", "main", "requests/database.example.org"]);
        assert!(link.starts_with("120000"), "{link}");
        assert_eq!(
            depot.remote.show("secret.yaml"),
            document("hidden", "small").trim_end()
        );
        assert!(
            !depot
                .remote
                .files()
                .iter()
                .any(|file| file.starts_with("elsewhere/team"))
        );
    }
}

/// The same repository on a server of its own.
async fn copy_of(workshop: &Workshop) -> Workshop {
    let copy = Workshop::behind(GitServer::start().await);
    let to = copy.remote.git(&["rev-parse", "--absolute-git-dir"]);
    workshop.remote.git(&["push", "--quiet", &to, "main"]);
    copy
}

#[tokio::test]
async fn a_submodule_hides_nothing_and_is_not_written_into() {
    let workshop = holding(&[("requests/a.yaml", &document("yours", "small"))]).await;
    let clone = workshop.remote.working_copy();
    let head = clone.git(&["rev-parse", "HEAD"]);
    for path in ["requests/module", "requests/database.example.org"] {
        clone.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{head},{path}"),
        ]);
    }
    clone.git(&["commit", "--quiet", "--message", "by hand"]);
    clone.git(&["push", "--quiet", "origin", "main"]);
    let depot = Depot::behind(workshop, "{ layout: nested }", str::to_owned).await;
    depot.read("yours").await.ok();
    let (status, message) = depot.write("mine", json!({})).await.refused();
    assert!([409, 422].contains(&status), "{status} {message}");
    assert!(
        message.contains("requests/database.example.org") && message.contains("submodule"),
        "{message}"
    );
    depot.write("yours", json!({ "size": "large" })).await.ok();
    let modules = depot.remote.git(&["ls-tree", "main", "requests/module"]);
    assert!(modules.starts_with("160000"), "{modules}");
}

#[tokio::test]
async fn a_file_of_100_megabytes_hides_nothing_and_is_not_read() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let clone = workshop.remote.working_copy();
    let large = format!("{}# {}\n", document("large", "huge"), "x".repeat(100 << 20));
    fs::write(clone.work().join("requests/large.yaml"), large).unwrap();
    push(&clone);
    let depot = Depot::behind(workshop, "{}", str::to_owned).await;
    depot.read("mine").await.ok();
    assert_eq!(depot.read("large").await.refused().0, 404);
    let begun = Instant::now();
    depot.write("mine", json!({ "size": "large" })).await.ok();
    depot.write("new", json!({ "size": "large" })).await.ok();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(depot.files().len(), 3);
}

#[tokio::test]
async fn bytes_that_are_no_text_hide_nothing_and_stay_as_they_are() {
    let workshop = holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let clone = workshop.remote.working_copy();
    let bytes = b"apiVersion: example.org/v1\nkind: Database\nmetadata: {name: odd}\nnote: \xff\xfe\x80\n";
    fs::write(clone.work().join("requests/latin.yaml"), bytes).unwrap();
    fs::write(clone.work().join("requests/zeros.yaml"), [0; 64]).unwrap();
    push(&clone);
    let blob = workshop.remote.git(&["rev-parse", "main:requests/latin.yaml"]);
    let depot = Depot::behind(workshop, "{}", str::to_owned).await;
    depot.read("mine").await.ok();
    depot.write("mine", json!({ "size": "large" })).await.ok();
    depot.write("new", json!({})).await.ok();
    assert_eq!(depot.remote.git(&["rev-parse", "main:requests/latin.yaml"]), blob);
}

#[tokio::test]
async fn a_branch_that_others_forced_elsewhere_is_followed_and_what_they_dropped_stays_dropped() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("yours", "small"))]).await;
    depot.write("mine", json!({ "size": "small" })).await.ok();
    let clone = depot.remote.working_copy();
    clone.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    clone.write("requests/b.yaml", &document("theirs", "small"));
    clone.commit("another history");
    clone.git(&["push", "--quiet", "--force", "origin", "main"]);
    let forced = depot.head();
    // A write looks for itself, however fresh the last look is.
    let commit = commit_of(depot.write("later", json!({ "size": "small" })).await);
    assert_eq!(depot.remote.git(&["rev-parse", &format!("{commit}~1")]), forced);
    until_within(NOTICED, 200, || depot.read("theirs")).await;
    for gone in ["mine", "yours"] {
        assert_eq!(depot.read(gone).await.refused().0, 404);
    }
    assert_eq!(depot.remote.commits().len(), 3);
}

#[tokio::test]
async fn a_deleted_branch_is_a_502_and_is_not_made_anew() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    depot.read("mine").await.ok();
    depot.remote.git(&["update-ref", "-d", "refs/heads/main"]);
    for said in [
        depot.write("mine", json!({ "size": "large" })).await,
        depot.delete("mine").await,
        until_within(NOTICED, 502, || depot.read("mine")).await,
    ] {
        let (status, message) = said.refused();
        assert_eq!(status, 502, "{message}");
        assert!(
            message.contains("main") && message.contains("does not exist"),
            "{message}"
        );
    }
    assert!(depot.remote.commits().is_empty());
}

#[tokio::test]
async fn a_branch_that_never_was_is_a_502_where_there_are_others() {
    let branch = |config: &str| config.replace("path: requests", "path: requests, branch: trunk");
    let depot = Depot::configured("{}", branch).await;
    for said in [depot.read("mine").await, depot.write("mine", json!({})).await] {
        let (status, message) = said.refused();
        assert!(status == 502 && message.contains("trunk"), "{status} {message}");
    }
    assert_eq!(depot.remote.git(&["branch", "--list", "trunk"]), "");
}

#[tokio::test]
async fn another_branch_is_read_and_written_and_main_left_alone() {
    let workshop = holding(&[]).await;
    workshop.remote.git(&["branch", "trunk", "main"]);
    let branch = |config: &str| config.replace("path: requests", "path: requests, branch: trunk");
    let depot = Depot::behind(workshop, "{}", branch).await;
    let commit = commit_of(depot.write("mine", json!({ "size": "small" })).await);
    assert_eq!(depot.remote.git(&["rev-parse", "trunk"]), commit);
    assert_eq!(depot.remote.commits().len(), 1);
    depot.read("mine").await.ok();
}

#[tokio::test]
async fn in_an_empty_repository_the_first_commit_makes_the_branch() {
    let depot = Depot::behind(Workshop::empty().await, "{}", str::to_owned).await;
    assert_eq!(depot.read("mine").await.refused().0, 404);
    assert_eq!(depot.delete("mine").await.refused().0, 404);
    assert!(depot.remote.commits().is_empty());
    let commit = commit_of(depot.write("mine", json!({ "size": "small" })).await);
    assert_eq!(depot.remote.commits(), [commit]);
    assert_eq!(depot.remote.files(), [MINE]);
    depot.read("mine").await.ok();
    depot.delete("mine").await.ok();
    assert_eq!(depot.read("mine").await.refused().0, 404);
}

#[tokio::test]
async fn a_file_where_a_folder_is_needed_is_not_replaced() {
    let workshop = holding(&[("requests/database.example.org", "a note\n")]).await;
    let depot = Depot::behind(workshop, "{ layout: nested }", str::to_owned).await;
    let (status, message) = depot.write("mine", json!({})).await.refused();
    assert!([409, 422].contains(&status), "{status} {message}");
    assert!(message.contains("requests/database.example.org"), "{message}");
    assert_eq!(depot.remote.show("requests/database.example.org"), "a note");
}
