//! Files and documents that a tool has encrypted or signed as a whole, so that any change of ours would break them.

use super::documents::{Content, Document, File};
use crate::config::{Object, Value as Yaml};

/// How an encrypted or signed file begins, and which tool reads it.
const HEADS: [(&[u8], &str); 8] = [
    (b"\0GITCRYPT", "git-crypt"),
    (b"$ANSIBLE_VAULT", "ansible-vault"),
    (b"age-encryption.org/", "age"),
    (b"-----BEGIN AGE ", "age"),
    (b"-----BEGIN PGP ", "PGP"),
    (b"-----BEGIN ", "the tool that put it into PEM"),
    (b"U2FsdGVkX1", "transcrypt"),
    (b"Salted__", "OpenSSL"),
];

/// What SOPS adds at the top of each document of a file; its `mac` is over all of them.
const SOPS: &str = "sops";

/// Annotations of k8s-manifest-sigstore, which signs a manifest with all its fields; the domain can be another one.
const SIGNED: [&str; 2] = ["/signature", "/resourceBundleRef"];

/// The tool that has encrypted the file or signed one of its documents.
pub(in crate::plugins::ske) fn sealed_file(bytes: &[u8]) -> Option<&'static str> {
    let by_head = head_of(bytes);
    by_head.or_else(|| {
        let file = File::read(bytes).ok()?;
        file.documents.iter().find_map(sealed)
    })
}

/// The tool by which the file begins.
pub(in crate::plugins::ske) fn head_of(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let found = HEADS.iter().find(|(head, _)| text.starts_with(head));
    found.map(|(_, tool)| *tool)
}

/// The tool that has encrypted or signed the document.
pub(super) fn sealed(document: &Document) -> Option<&'static str> {
    let Content::Value(Yaml::Object(object)) = &document.content else {
        return None;
    };
    if is_by_sops(object) {
        return Some(SOPS);
    }
    let annotations = object.get("metadata")?.as_object()?.get("annotations")?;
    let mut keys = annotations.as_object()?.keys();
    let is_signed = |key: &String| SIGNED.iter().any(|mark| key.ends_with(mark));
    keys.any(is_signed).then_some("cosign")
}

/// Whether SOPS has encrypted the file; with one of its documents it has all.
pub(super) fn is_sops(file: &File<'_>) -> bool {
    let mut contents = file.documents.iter().map(|document| &document.content);
    contents.any(|content| matches!(content, Content::Value(Yaml::Object(object)) if is_by_sops(object)))
}

fn is_by_sops(object: &Object) -> bool {
    let mut keys = object.keys();
    keys.any(|key| key == SOPS || key.starts_with("sops_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "apiVersion: e.com/v1\nkind: Redis\nmetadata: {name: a}\n";

    #[test]
    fn files_and_documents_of_each_tool_are_known() {
        let signed =
            |mark: &str| OBJECT.replace("{name: a}", &format!("{{name: a, annotations: {{{mark}: x}}}}"));
        for (text, tool) in [
            ("\0GITCRYPT\0\u{1}binary".to_owned(), "git-crypt"),
            ("$ANSIBLE_VAULT;1.1;AES256\n3061\n".to_owned(), "ansible-vault"),
            ("age-encryption.org/v1\n-> X25519 x\n".to_owned(), "age"),
            ("\n-----BEGIN AGE ENCRYPTED FILE-----\nx\n".to_owned(), "age"),
            ("-----BEGIN PGP MESSAGE-----\n\nx\n".to_owned(), "PGP"),
            (
                format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{OBJECT}"),
                "PGP",
            ),
            ("U2FsdGVkX19abc\n".to_owned(), "transcrypt"),
            (format!("{OBJECT}sops: {{mac: 'ENC[x]'}}\n"), "sops"),
            (format!("{OBJECT}---\n{OBJECT}sops:\n  lastmodified: x\n"), "sops"),
            (format!("{OBJECT}sops_mac: x\n"), "sops"),
            ("{\"kind\": \"A\", \"sops\": {\"mac\": \"x\"}}".to_owned(), "sops"),
            (signed("cosign.sigstore.dev/signature"), "cosign"),
            (signed("example.com/signature"), "cosign"),
            (signed("cosign.sigstore.dev/resourceBundleRef"), "cosign"),
        ] {
            assert_eq!(sealed_file(text.as_bytes()), Some(tool), "{text}");
        }
    }

    #[test]
    fn what_is_only_named_like_a_tool_is_open() {
        for text in [
            OBJECT.to_owned(),
            format!("{OBJECT}spec: {{sops: {{mac: x}}}}\n"),
            format!("{OBJECT}spec: {{text: '-----BEGIN PGP MESSAGE-----'}}\n"),
            OBJECT.replace("Redis", "SealedSecret"),
            "sops: [\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(sealed_file(text.as_bytes()), None, "{text}");
        }
    }
}
