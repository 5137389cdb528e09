//! In front of a portal: which requests are ours, and which belong to the backend behind us.

use percent_encoding::percent_decode_str;

/// Where a request belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Answered here.
    Ours,
    /// Passed on.
    Upstream,
    /// Refused: it reads as ours in one way and as somebody else's in another.
    Unclear,
}

/// What is ours: health, and the plugins that are on.
#[derive(Debug, Clone)]
pub struct Ownership {
    plugin_ids: Vec<&'static str>,
}

impl Ownership {
    /// The plugins with these ids are ours.
    pub fn new(plugin_ids: Vec<&'static str>) -> Self {
        Self { plugin_ids }
    }

    /// Decides on the path, decoded once, with slashes collapsed and case ignored.
    ///
    /// Escaped slashes and dot segments would let a path be ours for one reader and not for the next, so around our
    /// prefixes they are refused.
    pub fn of(&self, path: &str) -> Owner {
        if !is_plain(path) {
            return self.of_any(path);
        }
        match self.owns(path.split('/').filter(|segment| !segment.is_empty())) {
            true => Owner::Ours,
            false => Owner::Upstream,
        }
    }

    fn of_any(&self, path: &str) -> Owner {
        let spelt: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let segments: Vec<String> = spelt
            .iter()
            .filter(|segment| !segment.is_empty())
            .cloned()
            .collect();
        if self.owns(segments.iter().map(String::as_str)) {
            let climbs = segments.iter().any(|segment| is_dots(segment));
            return if climbs { Owner::Unclear } else { Owner::Ours };
        }
        // Whether doubled slashes count as one before dots are followed, or not at all, differs from reader to reader.
        let owns_resolved = |segments: &[String]| self.owns(resolved(segments).iter().map(String::as_str));
        if owns_resolved(&segments) || owns_resolved(&spelt) {
            return Owner::Unclear;
        }
        Owner::Upstream
    }

    fn owns<'a>(&self, mut segments: impl Iterator<Item = &'a str>) -> bool {
        let mut next = || segments.next().unwrap_or_default();
        let (first, second) = (next(), next());
        if first.eq_ignore_ascii_case("api") {
            return self.plugin_ids.iter().any(|own| own.eq_ignore_ascii_case(second));
        }
        let (version, probe) = (next(), next());
        let is = |segment: &str, wanted: &str| segment.eq_ignore_ascii_case(wanted);
        is(first, ".backstage")
            && is(second, "health")
            && is(version, "v1")
            && (is(probe, "liveness") || is(probe, "readiness"))
            && next().is_empty()
    }
}

/// Whether every reader reads the path alike: most are so, and need no copy.
fn is_plain(path: &str) -> bool {
    let is_special = |byte: &u8| matches!(byte, b'%' | b'\\') || !byte.is_ascii();
    path.starts_with('/') && !path.as_bytes().iter().any(is_special) && !path.contains("/.")
}

/// Decodes once and ignores case.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().to_lowercase()
}

/// What somebody makes of the path who takes escaped slashes and backslashes for slashes and follows dots.
fn resolved(segments: &[String]) -> Vec<String> {
    let mut path = Vec::new();
    for part in segments.iter().flat_map(|segment| segment.split(['/', '\\'])) {
        match part {
            "." => {}
            ".." => drop(path.pop()),
            part => path.push(part.to_owned()),
        }
    }
    path.retain(|part| !part.is_empty());
    path
}

fn is_dots(segment: &str) -> bool {
    segment.split(['/', '\\']).any(|part| part == "." || part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn decide(path: &str, owner: Owner) {
        let ownership = Ownership::new(vec!["ske", "spacelift-io"]);
        assert_eq!(ownership.of(path), owner, "{path}");
        assert_eq!(ownership.of_any(path), owner, "{path}, looked at closely");
    }

    #[test]
    fn our_plugins_are_ours_in_every_spelling_of_the_same_path() {
        for path in [
            "/api/ske",
            "/api/ske/resource",
            "/API//Ske/",
            "//api/%73ke/x",
            "/api/spacelift-io/stacks/a%2Fb/trigger",
        ] {
            decide(path, Owner::Ours);
        }
        decide("/.backstage/health/v1/readiness", Owner::Ours);
        decide("/.Backstage//health/v1/liveness/", Owner::Ours);
    }

    #[test]
    fn everything_else_is_passed_on() {
        for path in [
            "/",
            "/api/catalog/entities",
            "/api/skewed",
            "/apis/ske",
            "/catalog/api/ske",
            "/api",
            "/api/catalog/a%2Fb",
            "/api/catalog/../catalog",
            "/.backstage/health/v1",
            "/.backstage/health/v1/readiness/more",
            "/backstage/health/v1/readiness",
            "*",
        ] {
            decide(path, Owner::Upstream);
        }
    }

    #[test]
    fn what_is_ours_only_for_some_readers_is_refused() {
        for path in [
            "/api%2Fske/resource",
            "/api/ske%2Fresource",
            "/api/ske%5Cresource",
            "/api/catalog/../ske/resource",
            "/api/%2e%2e/api/ske",
            "/api/catalog/..%2Fske",
            "/x/../api/ske",
            "/api//x/../../ske/resource",
            "/./api/ske",
            "/api/ske/../catalog",
            "/api/ske/x/%2E%2E/%2E%2E/catalog",
        ] {
            decide(path, Owner::Unclear);
        }
    }
}
