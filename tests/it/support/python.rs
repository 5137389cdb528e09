//! Python scripts of `tests/python`, with Debian's PyYAML: the YAML 1.1 that Kubernetes' tools read.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value as Json;

/// Runs a script, hands it the question on stdin and returns the JSON it writes.
pub(crate) fn ask(script: &str, question: &Json) -> Json {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(script);
    let python = Command::new("python3")
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut python = python.unwrap_or_else(|error| {
        panic!("python3 could not be started ({error}). Install it with `apt-get install -y python3-yaml`")
    });
    let mut stdin = python.stdin.take().unwrap();
    let question = question.to_string();
    // In a thread of its own: the script may write before it has read everything.
    let asking = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} failed; if PyYAML is missing, `apt-get install -y python3-yaml`:\n{said}",
        script.display()
    );
    asking.join().unwrap().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
