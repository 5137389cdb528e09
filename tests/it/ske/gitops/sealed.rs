//! What a tool has encrypted or signed as a whole is not changed.

use serde_json::json;

use super::place::{Depot, MINE, TEAM, document};
use crate::ske::portal::manifest;

/// What SOPS adds to a document.
const SOPS: &str =
    "sops:\n  lastmodified: '2026-01-01T00:00:00Z'\n  mac: ENC[AES256_GCM,data:x]\n  version: 3.9.0\n";

fn encrypted(name: &str) -> String {
    document(name, "ENC[AES256_GCM,data:y]") + SOPS
}

fn signed(name: &str) -> String {
    let marks = "  annotations:\n    cosign.sigstore.dev/message: x\n    cosign.sigstore.dev/signature: y\n";
    document(name, "small").replace("spec:", &format!("{marks}spec:"))
}

fn json(name: &str) -> String {
    json!({
        "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": name, "namespace": TEAM },
        "spec": { "size": "ENC[x]" }, "sops": { "mac": "ENC[y]" },
    })
    .to_string()
}

#[tokio::test]
async fn a_sealed_document_is_not_overwritten() {
    let file = "requests/a.yaml";
    for (path, text, tool) in [
        (file, encrypted("mine"), "sops"),
        ("requests/a.json", json("mine"), "sops"),
        (
            file,
            format!("{}---\n{}", encrypted("other"), document("mine", "small")),
            "sops",
        ),
        (file, signed("mine"), "cosign"),
        (
            MINE,
            "$ANSIBLE_VAULT;1.1;AES256\n3061\n".to_owned(),
            "ansible-vault",
        ),
        (MINE, "\0GITCRYPT\0\u{1}\u{2}".to_owned(), "git-crypt"),
        (MINE, "age-encryption.org/v1\n-> X25519 x\n".to_owned(), "age"),
        (MINE, "-----BEGIN PGP MESSAGE-----\n\nx\n".to_owned(), "PGP"),
    ] {
        let depot = Depot::holding(&[(path, &text)]).await;
        let (status, message) = depot.write("mine", json!({ "size": "large" })).await.refused();
        assert!(
            status == 409 && message.contains(tool) && message.contains(path),
            "{tool}: {status} {message}"
        );
        assert_eq!(depot.remote.show(path).trim_end(), text.trim_end());
        assert_eq!(depot.remote.commits().len(), 2);
    }
}

#[tokio::test]
async fn nothing_is_taken_out_of_an_encrypted_stream() {
    let two = |one: String, other: String| format!("{one}---\n{other}");
    for (text, status) in [
        (two(encrypted("mine"), encrypted("other")), 409),
        (two(document("mine", "small"), encrypted("other")), 409),
        (two(encrypted("mine"), document("other", "small")), 409),
        (encrypted("mine"), 200),
        (two(signed("mine"), document("other", "small")), 200),
        (two(document("mine", "small"), signed("other")), 200),
    ] {
        let depot = Depot::holding(&[("requests/a.yaml", &text)]).await;
        let said = depot.delete("mine").await;
        assert_eq!(said.status, status, "{text}{}", said.body);
        assert_eq!(depot.remote.commits().len(), if status == 200 { 3 } else { 2 });
        let message = said.body["message"].as_str().unwrap_or_default();
        assert!(status == 200 || message.contains("sops"), "{message}");
    }
}

#[tokio::test]
async fn neighbours_of_a_signed_document_and_sealed_secrets_are_written() {
    let two = format!("{}---\n{}", signed("other"), document("mine", "small"));
    let depot = Depot::holding(&[("requests/a.yaml", &two)]).await;
    depot.write("mine", json!({ "size": "large" })).await.ok();
    assert!(depot.remote.show("requests/a.yaml").starts_with(&signed("other")));
    let mut secret = depot.kind.clone();
    (secret.group, secret.kind) = ("bitnami.com".to_owned(), "SealedSecret".to_owned());
    for value in ["AgBy", "AgCz"] {
        let spec = json!({ "encryptedData": { "password": value } });
        depot.configure(&manifest(&secret, TEAM, "s", spec)).await.ok();
    }
}

#[tokio::test]
async fn a_manifest_that_sops_made_is_refused() {
    let depot = Depot::open().await;
    let mut body = manifest(&depot.kind, TEAM, "mine", json!({ "size": "ENC[x]" }));
    body["manifest"]["sops"] = json!({ "mac": "ENC[y]" });
    let (status, message) = depot.configure(&body).await.refused();
    assert!(status == 422 && message.contains("sops"), "{status} {message}");
    assert_eq!(depot.remote.commits().len(), 1);
}
