//! Which values are secrets: for `config print` and for the log.

use super::value::Value;

/// What `config print` writes in place of a secret; Backstage's own command writes the same.
const MASK: &str = "<secret>";

/// Shorter texts are not hunted for in the log: they would blot out ordinary words. Backstage accepts no static
/// token below this length either.
const MIN_SECRET_LENGTH: usize = 8;

/// Secret key paths whose last name does not give them away. `*` is one step, `[]` an entry of a list.
const SECRET_PATHS: &[&str] = &[
    "backend.https.certificate.key",
    "backend.database.connection",
    "backend.database.plugin.*.connection",
    "kubernetes.clusterLocatorMethods[].clusters[].caData",
    "kubernetes.clusters[].caData",
    "integrations.*[].appPassword",
    "integrations.*[].accountKey",
    "integrations.*[].sasToken",
    "integrations.*[].connectionString",
];

/// Ends of a key's last name that make it a secret, written without `-`, `_` and capitals.
const SECRET_ENDINGS: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "authorization",
    "connectionstring",
    "cookie",
    "credential",
    "encryptionkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "signingkey",
    "token",
];

/// Returns a copy in which every secret text and number is masked.
pub fn redacted(value: &Value) -> Value {
    map(value, &mut Vec::new(), false, &mut |secret| {
        Value::String(mask(secret))
    })
}

fn mask(_secret: &Value) -> String {
    MASK.to_owned()
}

/// Returns the secret texts the log must never show, longest first.
///
/// Of a text with several lines each line is taken as well, because a log breaks it up; of a URL with a password,
/// also the password alone.
pub fn secret_values(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    map(value, &mut Vec::new(), false, &mut |secret| {
        if let Value::String(text) = secret {
            found.extend(forms(text));
        }
        Value::Null
    });
    found.retain(|text| text.chars().count() >= MIN_SECRET_LENGTH);
    found.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    found.dedup();
    found
}

fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.trim().to_owned()];
    if text.trim().contains('\n') {
        // The frame of a PEM block is no secret.
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"));
        forms.extend(lines.map(str::to_owned));
    }
    if let Some(password) = password_in_url(text) {
        let decoded = percent_encoding::percent_decode_str(&password).decode_utf8_lossy();
        forms.push(decoded.into_owned());
        forms.push(password);
    }
    forms
}

/// Copies the value; every scalar that is a secret goes through `replace`.
fn map(
    value: &Value,
    path: &mut Vec<String>,
    inside: bool,
    replace: &mut dyn FnMut(&Value) -> Value,
) -> Value {
    match value {
        Value::Object(entries) => {
            let mut copy = super::Object::with_capacity(entries.len());
            for (key, entry) in entries {
                path.push(key.clone());
                let secret = inside || names_secret(path, entry);
                copy.insert(key.clone(), map(entry, path, secret, replace));
                path.pop();
            }
            Value::Object(copy)
        }
        Value::Array(items) => {
            path.push("[]".to_owned());
            let copy = items
                .iter()
                .map(|item| map(item, path, inside, replace))
                .collect();
            path.pop();
            Value::Array(copy)
        }
        Value::String(text) if inside || password_in_url(text).is_some() => replace(value),
        Value::Number(_) if inside => replace(value),
        other => other.clone(),
    }
}

/// Whether the path names a secret. `connection` is one only as text; as a mapping it holds one.
fn names_secret(path: &[String], value: &Value) -> bool {
    let name = path
        .last()
        .map_or("", String::as_str)
        .to_lowercase()
        .replace(['-', '_'], "");
    let name = name.strip_suffix('s').unwrap_or(&name);
    if SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return true;
    }
    let known = || SECRET_PATHS.iter().any(|pattern| fits(pattern, path));
    !matches!(value, Value::Object(_)) && known()
}

fn fits(pattern: &str, path: &[String]) -> bool {
    let pattern = pattern.replace("[]", ".[]");
    let steps: Vec<&str> = pattern.split('.').collect();
    steps.len() == path.len()
        && steps
            .iter()
            .zip(path)
            .all(|(step, name)| *step == "*" || step == name)
}

fn password_in_url(text: &str) -> Option<String> {
    // Only what looks like one is parsed: most texts of a configuration are not.
    let (_, rest) = text.split_once("://")?;
    rest.contains('@').then_some(())?;
    url::Url::parse(text).ok()?.password().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{json, yaml};

    const FILE: &str = r#"
backend:
  auth: {externalAccess: [{type: static, options: {token: static-token-1, subject: ci}}], keys: [{secret: old-plugin-key}]}
  https: {certificate: {cert: public, key: private-part}}
  cors: {credentials: true, origin: 'http://localhost:3000'}
  database: {client: pg, connection: 'postgres://u:p%40ssword1@db/x'}
spacelift: {hostUrl: 'https://x.app.spacelift.io', apiKey: key-id-01, apiSecret: key-secret}
ske: {scm: {token: scm-token-1}}
kubernetes: {clusterLocatorMethods: [{type: config, clusters: [{url: u, serviceAccountToken: sa-token-1, caData: ca}]}]}
integrations: {github: [{host: github.com, token: gh-token-1, apps: [{appId: 1, privateKey: "-----BEGIN-----\nabcdefghij\n", webhookSecret: short}]}]}
auth: {session: {secret: 1234567890}, providers: {oidc: {production: {clientId: public-id, clientSecret: oidc-secret}}}}
proxy: {endpoints: {/x: {target: 'https://u:pw-in-url@h', headers: {Authorization: Bearer 1, X-API-Key: header-key}}}}
"#;

    fn value() -> Value {
        yaml::parse(FILE.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn every_known_secret_is_masked_and_nothing_else() {
        let text = json::to_json(&redacted(&value())).to_string();
        for secret in secret_values(&value()) {
            assert!(!text.contains(&secret), "a secret is left in {text}");
        }
        assert_eq!(text.matches(MASK).count(), 17, "{text}");
        for public in [
            "\"subject\":\"ci\"",
            "\"credentials\":true",
            "public-id",
            "\"cert\":\"public\"",
            "\"appId\":1",
            "\"client\":\"pg\"",
        ] {
            assert!(text.contains(public), "{public} is missing from {text}");
        }
    }

    #[test]
    fn log_secrets_are_long_enough_longest_first_and_line_by_line() {
        let secrets = secret_values(&value());
        assert!(secrets.is_sorted_by_key(|text| std::cmp::Reverse(text.len())));
        for secret in [
            "static-token-1",
            "p@ssword1",
            "p%40ssword1",
            "abcdefghij",
            "pw-in-url",
            "scm-token-1",
        ] {
            assert!(secrets.iter().any(|known| known == secret), "{secret} is missing");
        }
        assert!(
            secrets
                .iter()
                .all(|secret| secret != "short" && secret != "-----BEGIN-----")
        );
    }
}
