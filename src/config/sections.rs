//! Which parts of app-config this process reads: the one list of them. The rest of the file is the portal's business.

use super::diff::related;

/// A part, and the section without which it is not read.
type Part = (&'static str, Option<&'static str>);

const READ: &[Part] = &[
    ("app.baseUrl", None),
    ("backend.actions", None),
    ("backend.auditor", None),
    ("backend.auth", None),
    ("backend.baseUrl", None),
    ("backend.cors", None),
    ("backend.csp", None),
    ("backend.database", None),
    ("backend.health", None),
    ("backend.https", None),
    ("backend.lifecycle", None),
    ("backend.listen", None),
    ("backend.logger", None),
    ("backend.rateLimit", None),
    ("backend.reading", None),
    ("backend.referrer", None),
    ("backend.server", None),
    ("backend.trustProxy", None),
    ("discovery", None),
    ("integrations.github", Some("ske")),
    ("integrations.gitlab", Some("ske")),
    ("kubernetes", Some("ske")),
    ("permission", None),
    ("ske", None),
    ("spacelift", None),
    ("stagedoor", None),
];

/// Whether we read anything at, above or below the key, if every section is there.
pub(super) fn may_be_read(key: &str) -> bool {
    READ.iter().any(|(part, _)| related(part, without_index(key)))
}

/// Whether the key is in a part that we read whatever is switched on.
pub(super) fn is_always_read(key: &str) -> bool {
    is_read(key, |_| false)
}

/// The same where only these sections are there.
pub(super) fn is_read(key: &str, is_present: impl Fn(&str) -> bool) -> bool {
    let key = without_index(key);
    let applies = |(part, needs): &&Part| related(part, key) && needs.is_none_or(&is_present);
    key.is_empty() || READ.iter().any(|part| applies(&part))
}

/// What stands before the first index: `a.b` of `a.b[0].c`.
fn without_index(key: &str) -> &str {
    key.split('[').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_from_above_and_below_and_with_what_they_need() {
        let all = |_: &str| true;
        for key in [
            "",
            "backend",
            "backend.https.certificate.key",
            "integrations",
            "kubernetes.x[0].caData",
            "ske",
        ] {
            assert!(is_read(key, all), "{key}");
        }
        for key in [
            "auth.providers",
            "backend.cache.connection",
            "integrations.azure[0].token",
            "techdocs",
        ] {
            assert!(!is_read(key, all), "{key}");
        }
        assert!(!is_read(
            "kubernetes.clusterLocatorMethods[0].clusters[0].caData",
            |_| false
        ));
    }
}
