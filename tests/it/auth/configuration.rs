//! `backend.auth` is refused with Backstage's sentences and our key paths, never with a value.

use stagedoor::backstage::auth::AuthConfig;

use super::service::reader;

/// The problems of one `externalAccess` entry.
fn problems(entry: &str) -> Vec<String> {
    let yaml = format!("backend: {{ auth: {{ externalAccess: [{entry}] }} }}");
    match AuthConfig::read(&reader(&yaml)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn each_mistake_in_an_entry_has_its_sentence_and_its_key() {
    for (entry, sentence) in [
        (
            "{ type: oauth, options: {} }",
            "Unknown type 'oauth' in backend.auth.externalAccess, expected one of 'static', 'legacy', 'jwks'",
        ),
        (
            "{ type: static, options: { token: 'has spaces in', subject: s } }",
            "Illegal token, must be a set of non-space characters (at 'backend.auth.externalAccess[0].options.token')",
        ),
        (
            "{ type: static, options: { token: short, subject: s } }",
            "Illegal token, must be at least 8 characters length",
        ),
        (
            "{ type: static, options: { token: long-enough, subject: 'a b' } }",
            "Illegal subject, must be a set of non-space characters",
        ),
        (
            "{ type: static, options: { token: long-enough } }",
            "Missing required config value at",
        ),
        (
            "{ type: legacy, options: { secret: '***', subject: s } }",
            "Illegal secret, must be a valid base64 string",
        ),
        ("{ type: jwks, options: { url: 'ftp://x' } }", "Illegal JWKS URL"),
        (
            "{ type: static, options: { token: long-enough, subject: s }, accessRestrictions: [{ plugin: a, action: read }] }",
            "Invalid key at 'backend.auth.externalAccess[0].accessRestrictions[0].action', expected one of 'plugin', \
             'permission', 'permissionAttribute'",
        ),
        (
            "{ type: static, options: { token: long-enough, subject: s }, accessRestrictions: [{ plugin: a }, { plugin: a }] }",
            "Attempted to declare 'accessRestrictions' twice for the same plugin",
        ),
        (
            "{ type: static, options: { token: long-enough, subject: s }, accessRestrictions: [{ plugin: a, \
             permissionAttribute: { action: 'read, write' } }] }",
            "valid values are 'create', 'read', 'update', 'delete'",
        ),
    ] {
        let found = problems(entry);
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        assert!(found[0].contains(sentence), "{entry}: {found:?}");
    }
}

#[test]
fn no_sentence_holds_the_token_or_the_secret() {
    let canary = "canary value";
    for entry in [
        format!("{{ type: static, options: {{ token: '{canary}', subject: s }} }}"),
        format!("{{ type: legacy, options: {{ secret: '{canary}', subject: s }} }}"),
        format!("{{ type: jwks, options: {{ url: '{canary}' }} }}"),
    ] {
        let found = problems(&entry);
        assert!(
            !found.is_empty() && !found.concat().contains("canary"),
            "{found:?}"
        );
    }
}

#[test]
fn all_broken_entries_are_reported_at_once() {
    assert_eq!(
        problems("{ type: a, options: {} }, { type: b, options: {} }").len(),
        2
    );
}

#[test]
fn secrets_in_either_base64_alphabet_are_taken() {
    for secret in ["c2VjcmV0", "c2VjcmV0LTE=", "c2VjcmV0LTE", "_-__", "+/++"] {
        let entry = format!("{{ type: legacy, options: {{ secret: '{secret}', subject: s }} }}");
        assert_eq!(problems(&entry), Vec::<String>::new(), "{secret}");
    }
}

#[test]
fn a_static_key_that_cannot_be_read_names_its_key_and_not_its_path() {
    let yaml = "backend: { auth: { pluginKeyStore: { type: static, static: { keys: [{ publicKeyFile: /nowhere/canary.pem, \
                keyId: k }] } } } }";
    let errors = AuthConfig::read(&reader(yaml)).unwrap_err();
    let text = errors[0].to_string();
    assert!(
        text.contains("backend.auth.pluginKeyStore.static.keys[0].publicKeyFile"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn the_configuration_shows_no_secret_when_it_is_debug_printed() {
    let yaml = "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-token, subject: s } }, \
                { type: legacy, options: { secret: Y2FuYXJ5, subject: s } }] } }";
    let shown = format!("{:?}", AuthConfig::read(&reader(yaml)).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}
