//! The local copy: it may be damaged or left half done at any time, and is made anew.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use stagedoor::infra::git::{FolderPath, GitError, GitRepository};

use crate::support::git::{
    server::Step,
    workshop::{Workshop, committed, put, write},
};

/// The folder of the copy in use below the data folder.
fn copy(data: &Path) -> PathBuf {
    let mut folders = fs::read_dir(data.join("git")).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    folder.join(fs::read_to_string(folder.join("current")).unwrap())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Waits for what is done beside everything else.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("not within ten seconds: {what}");
}

fn overwrite(file: &Path, content: &[u8]) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(file, content).unwrap();
}

async fn names(repository: &GitRepository) -> Result<Vec<String>, GitError> {
    let files = repository.read(|tip| {
        let files = tip.files(&FolderPath::default())?;
        for file in &files {
            tip.blob(file.blob)?;
        }
        Ok(files)
    });
    Ok(files.await?.into_iter().map(|file| file.path).collect())
}

/// What happens to a copy, and how.
type Damage = (&'static str, fn(&Path));

/// Ways to damage a copy.
const DAMAGES: [Damage; 6] = [
    ("everything is gone", |copy| fs::remove_dir_all(copy).unwrap()),
    ("the objects are gone", |copy| {
        fs::remove_dir_all(copy.join("objects")).unwrap();
        fs::create_dir(copy.join("objects")).unwrap();
    }),
    ("the head is gone", |copy| {
        fs::remove_file(copy.join("HEAD")).unwrap()
    }),
    ("the configuration is nonsense", |copy| {
        overwrite(&copy.join("config"), b"[[[")
    }),
    ("the objects are nonsense", |copy| {
        for file in files_below(&copy.join("objects")) {
            overwrite(&file, b"nonsense");
        }
    }),
    ("the packs are cut short", |copy| {
        cut_short(&copy.join("objects/pack"))
    }),
];

fn cut_short(folder: &Path) {
    for file in files_below(folder) {
        let whole = fs::read(&file).unwrap();
        overwrite(&file, &whole[..whole.len() / 2]);
    }
}

#[tokio::test]
async fn a_copy_damaged_while_nobody_looked_is_made_anew_for_readers_and_writers() {
    for (what, damage) in DAMAGES {
        for reads_first in [true, false] {
            let workshop = Workshop::new().await;
            let repository = workshop.repository();
            names(&repository).await.unwrap();
            workshop.close(repository).await;
            damage(&copy(workshop.data.path()));
            let repository = workshop.repository();
            if reads_first {
                assert_eq!(names(&repository).await.unwrap(), ["README"], "{what}");
            }
            let written = write(&repository, put("a", "a")).await;
            assert!(written.is_ok(), "{what}: {written:?}");
            assert_eq!(workshop.remote.files(), ["README", "a"], "{what}");
        }
    }
}

#[tokio::test]
async fn a_copy_damaged_while_it_is_used_is_made_anew() {
    for (what, damage) in DAMAGES {
        for reads_first in [true, false] {
            let workshop = Workshop::new().await;
            let repository = workshop.repository();
            committed(write(&repository, put("a", "a")).await);
            damage(&copy(workshop.data.path()));
            if reads_first {
                assert_eq!(names(&repository).await.unwrap(), ["README", "a"], "{what}");
            }
            let written = write(&repository, put("b", "b")).await;
            assert!(written.is_ok(), "{what}: {written:?}");
            assert_eq!(names(&repository).await.unwrap(), ["README", "a", "b"], "{what}");
            workshop.remote.must_be_linear_and_whole();
        }
    }
}

#[tokio::test]
async fn a_copy_from_before_a_restart_of_the_machine_is_not_trusted() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    workshop.close(repository).await;
    let copy = copy(workshop.data.path());
    overwrite(&copy.join("../boot"), b"an earlier one");
    // libgit2 would never return from reading these.
    cut_short(&copy.join("objects"));
    let repository = workshop.repository();
    assert_eq!(names(&repository).await.unwrap(), ["README", "a"]);
    committed(write(&repository, put("b", "b")).await);
}

#[tokio::test]
async fn a_copy_with_an_object_cut_short_is_made_anew_at_the_next_start() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    workshop.close(repository).await;
    // libgit2 would never return from reading these.
    cut_short(&copy(workshop.data.path()).join("objects"));
    let repository = workshop.repository();
    assert_eq!(names(&repository).await.unwrap(), ["README", "a"]);
    committed(write(&repository, put("b", "b")).await);
}

#[tokio::test]
async fn locks_and_temporary_files_of_a_killed_process_are_cleared_away() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    workshop.close(repository).await;
    let copy = copy(workshop.data.path());
    let left = [
        "refs/heads/main.lock",
        "config.lock",
        "packed-refs.lock",
        "objects/tmp_object_git2_x1",
        "objects/pack/pack_git2_x1",
        "../new-0/HEAD",
        "../old-0/HEAD",
    ]
    .map(|file| copy.join(file));
    for file in &left {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let repository = workshop.repository();
    workshop.remote.push_file("b", "b");
    assert_eq!(names(&repository).await.unwrap(), ["README", "a", "b"]);
    committed(write(&repository, put("c", "c")).await);
    until("everything is cleared away", || {
        left.iter().all(|file| !file.exists())
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_kept_over_a_restart_so_that_only_what_is_new_is_fetched() {
    let workshop = Workshop::new().await;
    names(&workshop.repository()).await.unwrap();
    assert_eq!(workshop.server.count(Step::Fetch), 1);
    assert_eq!(names(&workshop.repository()).await.unwrap(), ["README"]);
    assert_eq!(
        workshop.server.count(Step::Fetch),
        1,
        "nothing new, nothing fetched"
    );
}

#[tokio::test]
async fn two_processes_do_not_share_a_copy() {
    let workshop = Workshop::new().await;
    let first = workshop.repository();
    first.tip().await.unwrap();
    let second = workshop.repository();
    let error = second.tip().await.unwrap_err();
    assert!(matches!(error, GitError::MirrorInUse { .. }), "{error}");
    drop(first);
    second.tip().await.unwrap();
}

#[tokio::test]
async fn only_its_owner_can_look_into_the_copy() {
    let workshop = Workshop::new().await;
    workshop.repository().tip().await.unwrap();
    let folder = copy(workshop.data.path());
    let mode = fs::metadata(folder.parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
