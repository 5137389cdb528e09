//! Where etcd and kube-apiserver are; on a person's machine they are built when they are missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Mutex,
};

/// Two tests that want the binaries must not both build them.
static BUILDING: Mutex<()> = Mutex::new(());

/// Returns the folder with `etcd` and `kube-apiserver`; panics with the command to run when they cannot be had.
pub(super) fn installed() -> PathBuf {
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // A CI that forgot to build them should say so instead of spending minutes inside a test.
    let arguments: &[&str] = if env::var("CI").is_ok_and(|value| value == "true") {
        &["--find"]
    } else {
        &[]
    };
    folder_in(&run(arguments))
}

fn run(arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes/build");
    let mut command = Command::new(script);
    command.args(arguments).stdin(Stdio::null());
    command
        .output()
        .unwrap_or_else(|error| panic!("tests/kubernetes/build could not be started: {error}"))
}

fn folder_in(output: &Output) -> PathBuf {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "The Kubernetes API server is missing. Run `tests/kubernetes/build`, which needs Go 1.26 or newer:\n{said}"
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
}
