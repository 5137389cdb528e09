//! Repositories seen with Git itself: the bare one a server offers, and a person's clone of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// Runs Git without anybody's configuration; returns what it said.
pub fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@example.com")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_COMMITTER_EMAIL", "ann@example.com")
        .output()
        .expect("git is installed")
}

/// As `git`, for what must succeed; returns its trimmed output.
#[track_caller]
pub fn must(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A repository on the server's disk.
pub struct BareRepository {
    folder: PathBuf,
}

impl BareRepository {
    pub fn init(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        must(
            folder,
            &["init", "--quiet", "--bare", "--initial-branch=main", "."],
        );
        Self {
            folder: folder.to_owned(),
        }
    }

    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        must(&self.folder, arguments)
    }

    /// As `git`, with something to read.
    #[track_caller]
    pub fn git_fed(&self, arguments: &[&str], input: &str) -> String {
        let fed = tempfile::NamedTempFile::new().unwrap();
        fs::write(fed.path(), input).unwrap();
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(arguments)
            .stdin(fs::File::open(fed.path()).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Moves the branch to a commit of this tree, as `git ls-tree` lists it. Takes modes that Git itself never writes.
    #[track_caller]
    pub fn commit_tree(&self, listed: &str) -> String {
        let tree = self.git_fed(&["mktree"], listed);
        let parent = self.git(&["rev-parse", "main"]);
        let commit = self.git(&["commit-tree", "-p", &parent, "-m", "by an old tool", &tree]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }

    /// The commits of the branch, newest first, none if there is no branch.
    pub fn commits(&self) -> Vec<String> {
        let output = git(&self.folder, &["log", "--format=%H", "main"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The paths at the tip.
    #[track_caller]
    pub fn files(&self) -> Vec<String> {
        let text = self.git(&["ls-tree", "-r", "--name-only", "main"]);
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub fn show(&self, path: &str) -> String {
        self.git(&["show", &format!("main:{path}")])
    }

    /// Each commit has one parent at most, and every object is whole.
    #[track_caller]
    pub fn must_be_linear_and_whole(&self) {
        assert_eq!(self.git(&["log", "--merges", "--format=%H", "main"]), "");
        self.git(&["fsck", "--strict"]);
    }

    pub fn hook(&self, name: &str, script: &str) {
        let file = self.folder.join("hooks").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A person's clone.
    pub fn working_copy(&self) -> WorkingCopy {
        let folder = tempfile::tempdir().unwrap();
        let source = self.folder.to_str().unwrap();
        must(folder.path(), &["clone", "--quiet", source, "work"]);
        let clone = WorkingCopy { folder };
        must(&clone.work(), &["symbolic-ref", "HEAD", "refs/heads/main"]);
        clone
    }

    /// A person pushes one file.
    #[track_caller]
    pub fn push_file(&self, path: &str, content: &str) -> String {
        let clone = self.working_copy();
        clone.write(path, content);
        clone.commit("by hand");
        clone.git(&["push", "--quiet", "origin", "main"]);
        clone.git(&["rev-parse", "HEAD"])
    }
}

/// A clone with a working copy.
pub struct WorkingCopy {
    folder: TempDir,
}

impl WorkingCopy {
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        must(&self.work(), arguments)
    }

    pub fn write(&self, path: &str, content: &str) {
        let file = self.work().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    #[track_caller]
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Pushes, on top of what others pushed meanwhile, until it is taken.
    #[track_caller]
    pub fn push_on_top(&self) {
        for _ in 0..50 {
            self.git(&["pull", "--quiet", "--rebase", "origin", "main"]);
            let pushed = git(&self.work(), &["push", "--quiet", "origin", "main"]);
            if pushed.status.success() {
                return;
            }
        }
        panic!("a person came too late fifty times");
    }
}
