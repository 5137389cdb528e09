//! The script that has the API server, and the guard that ends what the tests start.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

/// `tests/kubernetes/build --find`, with nothing but this in its environment.
fn find(environment: &[(&str, &Path)]) -> Output {
    let mut script = Command::new("tests/kubernetes/build");
    script.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--find");
    script
        .env_remove("KUBEBUILDER_ASSETS")
        .envs(environment.iter().copied());
    script.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_folder_of_kubebuilder_assets_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["etcd", "kube-apiserver"] {
        let file = folder.path().join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = find(&[("KUBEBUILDER_ASSETS", folder.path())]);
    assert!(output.status.success(), "{}", said(&output));
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(Path::new(found.trim_end()), folder.path());
}

#[test]
fn kubebuilder_assets_without_the_binaries_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = find(&[("KUBEBUILDER_ASSETS", folder.path())]);
    assert!(!output.status.success());
    assert!(said(&output).contains("KUBEBUILDER_ASSETS="), "{}", said(&output));
}

#[test]
fn an_empty_cache_holds_no_binaries() {
    let folder = tempfile::tempdir().unwrap();
    let output = find(&[("STAGEDOOR_TEST_CACHE", folder.path())]);
    assert!(!output.status.success());
    assert!(said(&output).contains("not built yet"), "{}", said(&output));
}
