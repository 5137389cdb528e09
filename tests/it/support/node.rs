//! Packages from npm that tests run against, each in a folder of `tests/node`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use serde_json::Value as Json;

/// Two tests that want the same folder must not both install into it.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Returns `tests/node/<name>` with its packages installed; installs them when they are not there yet.
pub(crate) fn installed(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/node")
        .join(name);
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // npm writes this file last.
    if !folder.join("node_modules/.package-lock.json").exists() {
        install(&folder);
    }
    folder
}

/// Runs a script of the folder, hands it the question on stdin and returns the JSON it writes.
pub(crate) fn ask(name: &str, script: &str, question: &Json) -> Json {
    let mut node = Command::new("node");
    node.arg(script).current_dir(installed(name));
    let node = node
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut node = node.unwrap_or_else(|error| panic!("node could not be started: {error}"));
    let mut stdin = node.stdin.take().unwrap();
    let question = question.to_string();
    // In a thread of its own: the script may write before it has read everything.
    let asking = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let output = node.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn install(folder: &Path) {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .stdin(Stdio::null());
    let output = npm.output().unwrap_or_else(|error| {
        panic!("npm could not be started ({error}). Install it with `apt-get install -y nodejs npm` (Node 20 or newer)")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`npm ci` failed in {}; run it there by hand:\n{said}",
        folder.display()
    );
}
