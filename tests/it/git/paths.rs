//! Things in a repository that a write must not go through or replace.

use stagedoor::infra::git::{FileEdit, GitError, PathError};

use crate::support::git::workshop::{Workshop, committed, edits, path, put, remove, write};

/// A repository with a symlink, a submodule, a file and a folder.
async fn with_obstacles() -> Workshop {
    let workshop = Workshop::new().await;
    let clone = workshop.remote.working_copy();
    clone.write("folder/file", "x");
    std::os::unix::fs::symlink("/etc", clone.work().join("link")).unwrap();
    std::os::unix::fs::symlink("folder", clone.work().join("inner")).unwrap();
    clone.git(&["add", "--all"]);
    let head = clone.git(&["rev-parse", "HEAD"]);
    clone.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{head},module"),
    ]);
    clone.git(&["commit", "--quiet", "--message", "by hand"]);
    clone.git(&["push", "--quiet", "origin", "main"]);
    workshop
}

#[tokio::test]
async fn symlinks_submodules_files_and_folders_in_the_way_are_named() {
    let workshop = with_obstacles().await;
    let repository = workshop.repository();
    let before = workshop.remote.commits();
    for (target, obstacle, what) in [
        ("link/passwd", "link", "a symlink"),
        ("link", "link", "a symlink"),
        ("inner/file", "inner", "a symlink"),
        ("module/a", "module", "a submodule"),
        ("module", "module", "a submodule"),
        ("folder/file/a", "folder/file", "a file"),
        ("folder", "folder", "a folder"),
    ] {
        let error = write(&repository, put(target, "x")).await.unwrap_err();
        let GitError::Path(PathError::InTheWay {
            path,
            obstacle: found,
            kind,
        }) = &error
        else {
            panic!("{target}: {error}");
        };
        assert_eq!((path.as_str(), found.as_str(), *kind), (target, obstacle, what));
    }
    for target in ["link", "module", "folder", "inner/file"] {
        assert!(write(&repository, remove(target)).await.is_err(), "{target}");
    }
    assert_eq!(workshop.remote.commits(), before);
}

#[tokio::test]
async fn a_change_with_one_bad_path_changes_nothing_at_all() {
    let workshop = with_obstacles().await;
    let two = ["good", "link/bad"].map(|file| (path(file), FileEdit::Write(b"x".to_vec())));
    let before = workshop.remote.commits();
    assert!(write(&workshop.repository(), edits(two)).await.is_err());
    assert_eq!(workshop.remote.commits(), before);
}

#[tokio::test]
async fn one_change_cannot_make_the_same_path_a_file_and_a_folder() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let two = ["a", "a/b"].map(|file| (path(file), FileEdit::Write(b"x".to_vec())));
    assert!(write(&repository, edits(two)).await.is_err());
    committed(write(&repository, put("a/b", "x")).await);
}

#[tokio::test]
async fn the_server_finds_nothing_wrong_with_unusual_but_valid_names() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    for file in ["a b/ü.yaml", "-x", "a.git/b", "a:b", "..."] {
        committed(write(&repository, put(file, "x")).await);
    }
    workshop.remote.must_be_linear_and_whole();
}
