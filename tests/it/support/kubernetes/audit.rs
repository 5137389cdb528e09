//! The API server's own record of who asked for what, and what came of it.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::super::app::LIMIT;

/// A finished request.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Whose credentials came with it.
    pub(crate) user: String,
    /// As whom it was judged, if the user acted as somebody else.
    pub(crate) impersonated_user: Option<String>,
    /// `get`, `create`, `update`, …
    pub(crate) verb: String,
    /// Path and query.
    pub(crate) request_uri: String,
    /// `namespace`, `resource`, `name`, …; null for a path that is none of an object.
    pub(crate) object: Value,
    pub(crate) status: u64,
}

impl Entry {
    /// As whom it was judged.
    pub(crate) fn judged_as(&self) -> &str {
        self.impersonated_user.as_deref().unwrap_or(&self.user)
    }

    /// Of a line of the log; watches and other long answers are written twice, the beginning does not count.
    fn of(line: &str) -> Option<Self> {
        let entry: Value = serde_json::from_str(line).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (entry["stage"] == "ResponseComplete").then(|| Self {
            user: text(&entry["user"]["username"]).unwrap_or_default(),
            impersonated_user: text(&entry["impersonatedUser"]["username"]),
            verb: text(&entry["verb"]).unwrap_or_default(),
            request_uri: text(&entry["requestURI"]).unwrap_or_default(),
            object: entry["objectRef"].clone(),
            status: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        })
    }
}

/// The log file.
pub(crate) struct Audit(PathBuf);

impl Audit {
    pub(super) fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// What was written so far of requests that mention the text, such as the name of a namespace.
    pub(crate) fn mentioning(&self, text: &str) -> Vec<Entry> {
        let log = fs::read_to_string(&self.0).unwrap();
        let lines = log.lines().filter(|line| line.contains(text));
        lines.filter_map(Entry::of).collect()
    }

    /// The same once it is enough: a line is written a moment after the caller has the answer.
    pub(crate) async fn settled(&self, text: &str, enough: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        let end = Instant::now() + LIMIT;
        loop {
            let entries = self.mentioning(text);
            if enough(&entries) {
                return entries;
            }
            assert!(Instant::now() < end, "never enough: {entries:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
