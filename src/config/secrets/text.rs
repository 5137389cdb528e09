//! Secrets inside a text that stands under an innocent name: user information of a URL, `password=…`, a private key.

use std::{ops::Range, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex_lite::{Captures, Regex};

use super::{masks::WHOLE_WORD_BELOW, names};

/// A PEM block, also one whose line breaks are written `\n` or whose end is missing.
static PEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)-----BEGIN ([^-]+)-----.*?(?:-----END [^-]+-----|$)").ok());

/// Everything of an address behind its scheme.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)([a-z][a-z0-9+.-]*)://([^\s"'<>]+)"#).ok());

/// `name=value`, in a query, a connection string or alone.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)([a-z][a-z0-9_.\x20-]*?)\s*=\s*("[^"]*"|'[^']*'|[^&;\s"']+)"#).ok());

/// The same where semicolons part the pairs, so that blanks belong to a value.
static PAIR_BEFORE_SEMICOLON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)([a-z][a-z0-9_.\x20-]*?)\s*=\s*([^;]+)").ok());

/// Tokens that can be told by their form: of GitHub, GitLab, Slack, Vault, age; and any JWT.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let issuers = "gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hvs\\.|bot[0-9]{6,}:|AGE-SECRET-KEY-1|eyJ[A-Za-z0-9_-]{10,}\\.eyJ";
    Regex::new(&format!("(?:{issuers})[A-Za-z0-9_.-]{{8,}}")).ok()
});

/// The value of an `Authorization` header.
static SCHEME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?i:bearer|basic|token)\s+(\S*[0-9=]\S*)$").ok());

/// PEM blocks that may be read by everybody.
const PUBLIC_BLOCKS: &[&str] = &[
    "CERTIFICATE",
    "CERTIFICATE REQUEST",
    "CRL",
    "PARAMETERS",
    "PUBLIC KEY",
];

/// What base64 makes of the beginning of a PEM block.
const PEM_IN_BASE64: &str = "LS0tLS1";

/// Schemes whose addresses have no unescaped slash in their user information.
const WEB: &[&str] = &["http", "https", "ws", "wss", "file"];

/// Returns the secret parts of a text, in order and apart.
pub(super) fn parts(text: &str) -> Vec<Range<usize>> {
    if text.starts_with(PEM_IN_BASE64) && has_private_block(text) {
        return std::iter::once(0..text.len()).collect();
    }
    let mut found = private_blocks(text);
    found.extend(matches(&URL, text).flat_map(|url| in_url(&url)));
    found.extend(pairs(text));
    found.extend(matches(&TOKEN, text).filter_map(|token| range(&token, 0)));
    found.extend(matches(&SCHEME, text).filter_map(|value| range(&value, 1)));
    merged(found)
}

/// Puts `mask` in place of each secret part; `None` where there is none.
pub(super) fn masked(text: &str, mask: &str) -> Option<String> {
    let parts = parts(text);
    let mut result = text.to_owned();
    for part in parts.iter().rev() {
        result.replace_range(part.clone(), mask);
    }
    (!parts.is_empty()).then_some(result)
}

/// The secret parts as they may turn up elsewhere: the password alone, decoded, without its quotes.
pub(super) fn secrets(text: &str) -> Vec<String> {
    let parts = parts(text);
    let found = parts.iter().filter(|part| !is_plain_user(text, part));
    let found = found.filter_map(|part| text.get((*part).clone()));
    found.flat_map(forms).collect()
}

/// A name without a password, such as `git@`: hidden where it stands, and too common to be searched for.
fn is_plain_user(text: &str, part: &Range<usize>) -> bool {
    let user = text.get(part.clone()).unwrap_or_default();
    let stands_in_url = text
        .get(..part.start)
        .is_some_and(|before| before.ends_with("://"));
    stands_in_url && !user.contains(':') && user.len() < WHOLE_WORD_BELOW
}

fn forms(part: &str) -> Vec<String> {
    let bare = part.trim_matches(['"', '\'']);
    let mut forms = vec![bare.to_owned()];
    // Several addresses in one text: each has its own.
    for user in bare
        .split("://")
        .map(|one| one.split('@').next().unwrap_or_default())
    {
        forms.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
    }
    forms.extend(bare.split_once(':').map(|(_, password)| password.to_owned()));
    forms.extend(bare.split_once(',').map(|(first, _)| first.to_owned()));
    let decoded = |form: &String| {
        percent_encoding::percent_decode_str(form)
            .decode_utf8_lossy()
            .into_owned()
    };
    let decoded: Vec<String> = forms.iter().map(decoded).collect();
    forms.extend(decoded);
    forms
}

fn matches<'t>(regex: &'static LazyLock<Option<Regex>>, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
    regex.iter().flat_map(move |regex| regex.captures_iter(text))
}

fn range(captures: &Captures<'_>, group: usize) -> Option<Range<usize>> {
    captures.get(group).map(|found| found.range())
}

fn has_private_block(base64: &str) -> bool {
    let bytes: String = base64.split_whitespace().collect();
    let decoded = STANDARD.decode(bytes).unwrap_or_default();
    !private_blocks(&String::from_utf8_lossy(&decoded)).is_empty()
}

fn private_blocks(text: &str) -> Vec<Range<usize>> {
    let is_private = |block: &Captures<'_>| {
        let label = block.get(1).map_or("", |label| label.as_str());
        !PUBLIC_BLOCKS.iter().any(|public| label.ends_with(public))
    };
    let blocks = matches(&PEM, text).filter(is_private);
    blocks.filter_map(|block| range(&block, 0)).collect()
}

fn in_url(url: &Captures<'_>) -> Vec<Range<usize>> {
    let (Some(scheme), Some(rest)) = (url.get(1), url.get(2)) else {
        return Vec::new();
    };
    let user = user_information(scheme.as_str(), rest.as_str());
    let secret = user.into_iter().chain(webhook(rest.as_str()));
    secret
        .map(|part| rest.start() + part.start..rest.start() + part.end)
        .collect()
}

/// What stands before the `@`. A password may hold a slash that should have been escaped.
fn user_information(scheme: &str, rest: &str) -> Option<Range<usize>> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let last = |text: &str| text.rfind('@').map(|at| 0..at);
    let port = authority.split_once(':').map(|(_, port)| port);
    let no_port = port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_web = WEB.contains(&scheme.to_ascii_lowercase().as_str());
    match last(authority) {
        Some(_) if is_web => last(authority),
        None if is_web && !no_port => None,
        _ => last(rest),
    }
}

/// The path of a webhook is its password.
fn webhook(rest: &str) -> Option<Range<usize>> {
    let lower = rest.to_ascii_lowercase();
    let is_webhook = lower.starts_with("hooks.") || lower.contains("webhook");
    let path = rest.find('/')? + 1;
    (is_webhook && path < rest.len()).then_some(path..rest.len())
}

fn pairs(text: &str) -> Vec<Range<usize>> {
    let regex = if text.contains(';') {
        &PAIR_BEFORE_SEMICOLON
    } else {
        &PAIR
    };
    let mut found = Vec::new();
    for pair in matches(regex, text).chain(matches(&PAIR, text)) {
        let Some(name) = pair.get(1) else { continue };
        let before = text.get(..name.start()).and_then(|before| before.chars().last());
        let in_query = matches!(before, Some('?' | '&' | '#'));
        if names::is_secret(name.as_str()) || (in_query && names::is_secret_in_query(name.as_str())) {
            found.extend(range(&pair, 2));
        }
    }
    found
}

fn merged(mut parts: Vec<Range<usize>>) -> Vec<Range<usize>> {
    parts.sort_by_key(|part| part.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(parts.len());
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        match merged.last_mut().filter(|last| part.start < last.end) {
            Some(last) => last.end = last.end.max(part.end),
            None => merged.push(part),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_secret_in_a_text_is_found() {
        for (text, expected) in [
            ("postgres://u:p@h/db", "postgres://*@h/db"),
            ("https://token@github.com/a/b", "https://*@github.com/a/b"),
            ("https://u:a/b@h/x", "https://*@h/x"),
            ("redis://:pw/1@h:6379", "redis://*@h:6379"),
            ("mongodb://u:p@h1,h2/db", "mongodb://*@h1,h2/db"),
            ("say amqp://u:p@h to it", "say amqp://*@h to it"),
            ("https://h/x?token=abc&a=1", "https://h/x?token=*&a=1"),
            ("https://h/x?a=1&sig=ab%2B", "https://h/x?a=1&sig=*"),
            ("https://h/x#access_token=ab", "https://h/x#access_token=*"),
            (
                "AccountName=x;AccountKey=ab==;Suffix=y",
                "AccountName=x;AccountKey=*;Suffix=y",
            ),
            (
                "Server=h;User Id=u;Password=a b;X=1",
                "Server=h;User Id=u;Password=*;X=1",
            ),
            ("host=h password='a b' user=u", "host=h password=* user=u"),
            (
                "jdbc:postgresql://h/d?user=u&password=p",
                "jdbc:postgresql://h/d?user=u&password=*",
            ),
            (
                "https://hooks.slack.com/services/T/B",
                "https://hooks.slack.com/*",
            ),
            ("https://discord.com/api/webhooks/1/x", "https://discord.com/*"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nab\n-----END EC PRIVATE KEY-----\n",
                "*\n",
            ),
            (r"x -----BEGIN PRIVATE KEY-----\nab", "x *"),
            (
                "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCmFiCi0tLS0tRU5EIFBSSVZBVEUgS0VZLS0tLS0K",
                "*",
            ),
            ("Bearer abc1", "Bearer *"),
            (
                "https://api.telegram.org/bot123456:abcdefghi/x",
                "https://api.telegram.org/*/x",
            ),
            ("use ghp_0123456789abcdef now", "use * now"),
        ] {
            assert_eq!(masked(text, "*").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for text in [
            "https://unpkg.com/@scope/pkg@1.0",
            "https://h:8080/x@y",
            "https://h/?mail=a@b",
            "git@github.com:a/b.git",
            "-----BEGIN CERTIFICATE-----\nab\n-----END CERTIFICATE-----",
            "-----BEGIN RSA PUBLIC KEY-----\nab\n-----END RSA PUBLIC KEY-----",
            "a=b&c=d",
            "Basic information",
            "http://localhost:7008/api/{{pluginId}}",
        ] {
            assert_eq!(masked(text, "*"), None, "{text}");
        }
    }

    #[test]
    fn the_password_is_known_alone_and_decoded() {
        let found = secrets("amqp://u:p%40ss@h1,amqp://u:other@h2");
        for secret in ["p%40ss", "p@ss", "other"] {
            assert!(found.iter().any(|found| found == secret), "{found:?}");
        }
        assert!(secrets("password='quoted'").contains(&"quoted".to_owned()));
    }
}
