//! Key names that give a secret away, however they are spelled: `apiKey`, `api-key`, `API_KEY`, `apikey`.

/// Parts of a name that make it a secret wherever they stand. Names are compared without capitals and separators.
const PARTS: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "bearer",
    "connectionstring",
    "credential",
    "encryptionkey",
    "keydata",
    "keymaterial",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sharedkey",
    "signingkey",
];

/// Ends of a name that make it a secret.
const ENDINGS: &[&str] = &[
    "apppassword",
    "authorization",
    "cadata",
    "cookie",
    "keypem",
    "token",
];

/// Words that make a name a secret when they stand last; too short to be looked for inside other words.
const LAST_WORDS: &[&str] = &[
    "auth", "dsn", "hmac", "jwt", "otp", "pass", "pat", "pfx", "psk", "pwd", "salt", "sas", "totp",
];

/// Ends of names that speak about a secret and hold none.
const ABOUT_SECRETS: &[&str] = &[
    "algorithm",
    "audience",
    "dir",
    "duration",
    "enabled",
    "endpoint",
    "expiration",
    "expires",
    "expiry",
    "file",
    "header",
    "id",
    "interval",
    "issuer",
    "length",
    "lifetime",
    "limit",
    "manager",
    "method",
    "name",
    "namespace",
    "path",
    "policy",
    "prefix",
    "provider",
    "ref",
    "reference",
    "region",
    "required",
    "rotation",
    "scope",
    "store",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
];

/// What stands before `key` in names of keys that are not for locks.
const OPEN_KEYS: &[&str] = &[
    "annotation",
    "board",
    "cache",
    "column",
    "config",
    "don",
    "entity",
    "field",
    "foreign",
    "group",
    "hoc",
    "hot",
    "i18n",
    "index",
    "issue",
    "label",
    "lookup",
    "map",
    "metadata",
    "mon",
    "object",
    "partition",
    "primary",
    "project",
    "public",
    "row",
    "sort",
    "space",
    "translation",
    "tur",
];

/// Names of mappings in which a bare `key` is a private one.
const KEY_HOLDERS: &[&str] = &[
    "auth",
    "cert",
    "certificate",
    "crypto",
    "encryption",
    "https",
    "jwt",
    "mtls",
    "session",
    "signing",
    "ssl",
    "tls",
];

/// Names beside which a bare `key` is a private one.
const KEY_NEIGHBOURS: &[&str] = &["ca", "cert", "certificate", "crt", "passphrase", "pfx", "secret"];

/// What makes a list of headers one of names.
const HEADER_NAMES: &[&str] = &[
    "allow",
    "allowed",
    "expose",
    "exposed",
    "forward",
    "forwarded",
    "trusted",
    "vary",
];

/// Parameters of a URL that carry a signature or a key under a name that means nothing elsewhere.
const QUERY_SECRETS: &[&str] = &[
    "auth",
    "code",
    "key",
    "sig",
    "signature",
    "xamzsignature",
    "xamzcredential",
];

/// Whether a value under this name is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    let name = joined(key);
    if name.contains("webhook") {
        return true;
    }
    let about = ABOUT_SECRETS.iter().any(|end| name.ends_with(end));
    if about && !name.ends_with("secretid") {
        return false;
    }
    PARTS.iter().any(|part| name.contains(part))
        || ENDINGS.iter().any(|end| name.ends_with(end))
        || has_secret_word(key)
        || is_named_key(&name)
}

/// Whether only a text under this name is one; a mapping is a section of that name.
pub(super) fn is_section_too(key: &str) -> bool {
    joined(key).ends_with("auth")
}

/// Whether a bare `key` or `keys` is private, by the mapping it stands in and by what stands beside it.
pub(super) fn is_private_key<'k>(key: &str, holder: &str, mut beside: impl Iterator<Item = &'k str>) -> bool {
    let holder = words(holder);
    let held = holder.iter().any(|word| KEY_HOLDERS.contains(&singular(word)));
    joined(key) == "key" && (held || beside.any(|name| KEY_NEIGHBOURS.contains(&joined(name).as_str())))
}

/// Whether everything below this name is the value of a header.
pub(super) fn are_headers(key: &str) -> bool {
    let words = words(key);
    words.last().is_some_and(|last| last == "headers")
        && !words.iter().any(|word| HEADER_NAMES.contains(&word.as_str()))
}

/// Whether a parameter of this name in a URL is a secret.
pub(super) fn is_secret_in_query(name: &str) -> bool {
    is_secret(name) || QUERY_SECRETS.contains(&joined(name).as_str())
}

fn has_secret_word(key: &str) -> bool {
    let words = words(key);
    let last = words.last().map_or("", |word| singular(word));
    LAST_WORDS.contains(&last) || words.iter().any(|word| singular(word) == "token")
}

fn is_named_key(name: &str) -> bool {
    let stem = name.strip_suffix("key").unwrap_or_default();
    !stem.is_empty() && !OPEN_KEYS.iter().any(|open| stem.ends_with(open))
}

/// The name without capitals, separators, a number at the end and a plural.
fn joined(key: &str) -> String {
    let letters = key.chars().filter(|each| each.is_alphanumeric());
    let name: String = letters.flat_map(char::to_lowercase).collect();
    singular(name.trim_end_matches(|each: char| each.is_ascii_digit())).to_owned()
}

fn singular(word: &str) -> &str {
    match word {
        "pass" | "https" | "sas" | "tls" => word,
        _ => word.strip_suffix('s').unwrap_or(word),
    }
}

/// The words of a name, in small letters: a capital after a small letter begins one.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for each in key.chars() {
        if !each.is_alphanumeric() || (each.is_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = each.is_lowercase() || each.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| each.is_alphabetic()) {
            word.extend(each.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "token",
            "secret",
            "password",
            "pat",
            "githubPat",
            "GITHUB_PAT",
            "bearer",
            "bearerToken",
            "psk",
            "apiKey",
            "api-key",
            "API_KEY",
            "APIKEY",
            "X-API-Key",
            "apiKeys",
            "privateKey",
            "private_key",
            "clientSecret",
            "webhook",
            "webhookUrl",
            "slackWebhookURL",
            "webhooks",
            "signingKey",
            "auth",
            "basicAuth",
            "credentials",
            "passphrase",
            "dbPwd",
            "DB_PASS",
            "sasToken",
            "accountKey",
            "SharedAccessKey",
            "connectionString",
            "routingKey",
            "licenseKey",
            "tokens",
            "token2",
            "tokenValue",
            "secretId",
            "sentryDsn",
            "session-cookie",
            "caData",
            "clientKeyData",
            "hmac",
            "encryptionkey",
            "Authorization",
            "appPassword",
            "jwt",
            "refresh_token",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_speak_of_secrets_are_open() {
        for name in [
            "path",
            "tokenUrl",
            "secretName",
            "passwordPolicy",
            "oidcTokenProvider",
            "tokenEndpoint",
            "authProvider",
            "publicKey",
            "sortKey",
            "projectKey",
            "cacheKey",
            "clientId",
            "key",
            "keys",
            "keyStore",
            "pluginKeyStore",
            "monkey",
            "tokenizer",
            "authors",
            "cert",
            "host",
            "patch",
            "pattern",
            "compass",
            "oauth2Proxy",
            "apiKeyId",
            "cookiePolicy",
            "passwordFile",
            "hostUrl",
            "secretsManager",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_bare_key_is_private_among_certificates() {
        let none = || std::iter::empty();
        assert!(is_private_key("key", "certificate", none()));
        assert!(is_private_key("key", "clientTls", none()));
        assert!(is_private_key("keys", "auth", none()));
        assert!(is_private_key("key", "x", ["cert"].into_iter()));
        assert!(!is_private_key("key", "entry", ["name"].into_iter()));
    }

    #[test]
    fn headers_are_told_from_lists_of_their_names() {
        for name in ["headers", "requestHeaders", "default-headers"] {
            assert!(are_headers(name), "{name}");
        }
        for name in ["allowedHeaders", "exposedHeaders", "header", "headersTimeout"] {
            assert!(!are_headers(name), "{name}");
        }
    }
}
