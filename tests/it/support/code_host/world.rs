//! One repository of a code host: branches, commits, trees and pull requests, as far as its API shows them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// Path to mode and content.
pub(crate) type Files = BTreeMap<String, (String, String)>;

/// The mode of a plain file.
pub(crate) const PLAIN: &str = "100644";

/// A repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) default_branch: String,
    /// Each with the id of its newest commit.
    pub(crate) branches: BTreeMap<String, String>,
    pub(crate) commits: HashMap<String, Commit>,
    pub(super) trees: HashMap<String, Files>,
    pub(crate) pulls: Vec<Pull>,
    /// Whether the token may only look at it.
    pub(crate) read_only: bool,
    pub(crate) archived: bool,
}

/// A commit with all its files.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) parents: Vec<String>,
    pub(crate) files: Files,
    pub(crate) message: String,
    /// As it was asked for; none is the credential's owner.
    pub(crate) author: Option<(String, String)>,
}

/// A pull or merge request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// `open`, `merged` or `closed`.
    pub(crate) state: &'static str,
    /// Where its branch was when it was last open.
    pub(crate) sha: String,
}

impl World {
    /// A content by the id Git gives it.
    pub(super) fn blob(&self, id: &str) -> Option<&str> {
        let files = self.commits.values().flat_map(|commit| commit.files.values());
        let mut contents = files.map(|(_, content)| content.as_str());
        contents.find(|content| blob_id(content) == id)
    }

    /// A repository whose branch `main` has these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let mut world = Self {
            default_branch: "main".to_owned(),
            ..Self::default()
        };
        let files = files.iter();
        let files =
            files.map(|(path, content)| ((*path).to_owned(), (PLAIN.to_owned(), (*content).to_owned())));
        world.grow("main", files.collect(), &[]);
        world
    }

    /// Puts a commit with exactly these files on the branch, behind these parents.
    pub(crate) fn grow(&mut self, branch: &str, files: Files, parents: &[&str]) -> String {
        let parents = parents.iter().map(ToString::to_string).collect();
        let commit = Commit {
            parents,
            files,
            message: format!("commit {}", self.commits.len()),
            author: None,
        };
        let id = self.commit(commit);
        self.branches.insert(branch.to_owned(), id.clone());
        id
    }

    /// Somebody pushes a change of one file to the branch; no content takes it away.
    pub(crate) fn push(&mut self, branch: &str, path: &str, content: Option<&str>) -> String {
        let tip = self.branches[branch].clone();
        let mut files = self.commits[&tip].files.clone();
        match content {
            Some(content) => files.insert(path.to_owned(), (PLAIN.to_owned(), content.to_owned())),
            None => files.remove(path),
        };
        self.grow(branch, files, &[&tip])
    }

    /// Puts something that is no plain file on the branch.
    pub(crate) fn plant(&mut self, branch: &str, path: &str, mode: &str) {
        let tip = self.branches[branch].clone();
        let mut files = self.commits[&tip].files.clone();
        files.insert(path.to_owned(), (mode.to_owned(), "elsewhere".to_owned()));
        self.grow(branch, files, &[&tip]);
    }

    /// Remembers a commit and all its folders; returns its id.
    pub(super) fn commit(&mut self, commit: Commit) -> String {
        let id = digest(&format!("{} {commit:?}", self.commits.len()));
        self.remember(&commit.files);
        self.commits.insert(id.clone(), commit);
        id
    }

    /// Remembers a folder and all below; returns its id.
    pub(super) fn remember(&mut self, files: &Files) -> String {
        for (name, below) in children(files) {
            if let Child::Folder(files) = below {
                assert!(!name.is_empty());
                self.remember(&files);
            }
        }
        let id = tree_id(files);
        self.trees.insert(id.clone(), files.clone());
        id
    }

    /// The file's content on the branch.
    pub(crate) fn file(&self, branch: &str, path: &str) -> Option<String> {
        let commit = &self.commits[self.branches.get(branch)?];
        commit.files.get(path).map(|(_, content)| content.clone())
    }

    /// The newest commit of a branch.
    #[track_caller]
    pub(crate) fn tip(&self, branch: &str) -> &Commit {
        &self.commits[&self.branches[branch]]
    }

    /// Whether one commit is the other or before it.
    pub(crate) fn is_before(&self, ancestor: &str, of: &str) -> bool {
        ancestor == of
            || self.commits[of]
                .parents
                .iter()
                .any(|parent| self.is_before(ancestor, parent))
    }

    /// Ends a pull request as `merged` (its change comes to the branch in one new commit) or `closed`.
    pub(crate) fn settle(&mut self, number: u64, state: &'static str) {
        let found = self.pulls.iter_mut().find(|pull| pull.number == number).unwrap();
        found.state = state;
        found.sha = self.branches[&found.head].clone();
        let (head, base) = (found.head.clone(), found.base.clone());
        if state == "merged" {
            let (files, tip) = (self.tip(&head).files.clone(), self.branches[&base].clone());
            self.grow(&base, files, &[&tip]);
        }
    }

    /// What the folder holds, as both APIs tell it.
    pub(super) fn entries(files: &Files) -> Vec<Value> {
        let told = |(name, child): (String, Child)| match child {
            Child::Folder(files) => {
                json!({ "name": name, "mode": "040000", "type": "tree", "id": tree_id(&files) })
            }
            Child::File(mode, content) => {
                let kind = if mode == "160000" { "commit" } else { "blob" };
                json!({ "name": name, "mode": mode, "type": kind, "id": blob_id(&content) })
            }
        };
        children(files).into_iter().map(told).collect()
    }

    /// The files below a folder, by their paths in it.
    pub(super) fn below(files: &Files, folder: &str) -> Files {
        let inside = |(path, file): (&String, &(String, String))| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((rest.to_owned(), file.clone()))
        };
        files.iter().filter_map(inside).collect()
    }
}

enum Child {
    Folder(Files),
    File(String, String),
}

fn children(files: &Files) -> BTreeMap<String, Child> {
    let mut children = BTreeMap::new();
    for (path, (mode, content)) in files {
        match path.split_once('/') {
            None => {
                children.insert(path.clone(), Child::File(mode.clone(), content.clone()));
            }
            Some((folder, _)) => {
                children.insert(folder.to_owned(), Child::Folder(World::below(files, folder)));
            }
        }
    }
    children
}

/// As Git counts it.
pub(crate) fn blob_id(content: &str) -> String {
    digest(&format!("blob {}\0{content}", content.len()))
}

/// Not as Git counts it, but as one to one.
pub(super) fn tree_id(files: &Files) -> String {
    digest(&format!("tree {files:?}"))
}

fn digest(text: &str) -> String {
    hex::encode(Sha1::digest(text))
}
