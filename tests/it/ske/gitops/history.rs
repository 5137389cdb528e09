//! A branch as a record of writes: what each commit says and holds, read with few calls of Git.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::support::{git::remote::BareRepository, python};

/// Refuses all but fast-forward and writes down each move of a branch, so that a forced one is found.
const KEEPS_BOOK: &str = r#"
if [ "$2" != 0000000000000000000000000000000000000000 ]; then
  git merge-base --is-ancestor "$2" "$3" || { echo "$1 $2 $3" >>forced; echo "no fast-forward" >&2; exit 1; }
fi
echo "$1 $2 $3" >>tried
"#;

/// One commit of the branch.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) files: Vec<String>,
}

/// Makes the repository keep book of every push.
pub(super) fn keep_book(remote: &BareRepository) {
    remote.hook("update", KEEPS_BOOK);
}

fn folder(remote: &BareRepository) -> PathBuf {
    remote.git(&["rev-parse", "--absolute-git-dir"]).into()
}

/// Nobody tried to push anything but a fast-forward: who comes too late is refused before the hook is asked.
#[track_caller]
pub(super) fn nothing_was_forced(remote: &BareRepository) {
    let folder = folder(remote);
    let forced = fs::read_to_string(folder.join("forced")).unwrap_or_default();
    assert_eq!(forced, "");
    let tried = fs::read_to_string(folder.join("tried")).unwrap();
    assert!(
        tried.lines().all(|line| line.starts_with("refs/heads/main ")),
        "{tried}"
    );
}

/// The commits of the branch, oldest first; each has one parent, the one before it.
#[track_caller]
pub(super) fn commits(remote: &BareRepository) -> Vec<Commit> {
    let log = remote.git(&[
        "log",
        "--reverse",
        "--format=%x00%H%n%P%n%s",
        "--name-only",
        "main",
    ]);
    let mut commits: Vec<Commit> = Vec::new();
    for text in log.split('\0').skip(1) {
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (id, parents, subject) = (next(), next(), next());
        let before = commits.last().map_or("", |before| before.id.as_str());
        assert_eq!(parents, before, "the parent of {id} is the commit before it");
        let files = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        commits.push(Commit { id, subject, files });
    }
    commits
}

/// The contents of these objects (`<commit>:<path>`), in order.
pub(super) fn contents(remote: &BareRepository, objects: &[String]) -> Vec<String> {
    let mut git = Command::new("git")
        .arg("-C")
        .arg(folder(remote))
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = git.stdin.take().unwrap();
    let asked = objects.join("\n") + "\n";
    let asking = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let output = git.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    let mut rest = output.stdout.as_slice();
    let content = |object: &String| {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap().to_owned();
        let size: usize = head
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap_or_else(|_| panic!("{object}: {head}"));
        let text = String::from_utf8(rest[end + 1..end + 1 + size].to_vec()).unwrap();
        rest = &rest[end + 2 + size..];
        text
    };
    objects.iter().map(content).collect()
}

/// The objects at the tip by namespace and name, read with PyYAML: every file parses, and no identity is there twice.
#[track_caller]
pub(super) fn objects(remote: &BareRepository) -> BTreeMap<String, serde_json::Value> {
    objects_in(remote, "")
}

/// The same of the files whose path holds this text; reading all takes long where there are many.
#[track_caller]
pub(super) fn objects_in(remote: &BareRepository, part: &str) -> BTreeMap<String, serde_json::Value> {
    let mut files = remote.files();
    files.retain(|file| file.ends_with(".yaml") && file.contains(part));
    let paths: Vec<_> = files.iter().map(|file| format!("main:{file}")).collect();
    let texts = contents(remote, &paths);
    let read = python::ask("read-yaml.py", &json!(texts));
    let mut objects = BTreeMap::new();
    for (file, object) in files.iter().zip(read.as_array().unwrap()) {
        assert!(object["$error"].is_null(), "{file}: {object}");
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let identity = format!("{}/{}", text("namespace"), text("name"));
        let before = objects.insert(identity, object.clone());
        assert!(before.is_none(), "{file} is there twice: {object}");
    }
    objects
}

/// These commits, which are all different and all on the branch.
#[track_caller]
pub(super) fn are_all_there<'a>(commits: &[Commit], answered: impl IntoIterator<Item = &'a String>) {
    let there: BTreeSet<_> = commits.iter().map(|commit| &commit.id).collect();
    let mut seen = BTreeSet::new();
    for commit in answered {
        assert!(
            there.contains(commit),
            "{commit} was acknowledged and is not on the branch"
        );
        assert!(seen.insert(commit), "{commit} was the answer to two changes");
    }
}
