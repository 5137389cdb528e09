//! The process environment, read once: the only place that asks the operating system for it.

use std::path::{Path, PathBuf};

use super::js;

/// Environment variables in the order the process got them.
///
/// A snapshot, so that a test can replace it and so that one load sees one state.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    /// Where the system's files are, when that is not `/`.
    root: Option<PathBuf>,
}

impl std::fmt::Debug for Environment {
    /// The names only: values may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Environment {
    /// Reads the environment of this process; bytes that are not UTF-8 become U+FFFD.
    pub fn of_process() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self {
            variables: std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            root: None,
        }
    }

    /// Builds one from pairs; the first of two equal names counts.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter();
        Self {
            variables: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
            root: None,
        }
    }

    /// Looks for the system's files below another folder.
    #[must_use]
    pub fn rooted_at(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// Returns where a file of the system is, such as what Kubernetes mounts into a pod.
    pub fn system_path(&self, absolute: &str) -> PathBuf {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        root.join(absolute.trim_start_matches('/'))
    }

    /// Returns the variable as it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Returns the variable without surrounding white space, as Backstage substitutes it.
    pub(super) fn trimmed(&self, name: &str) -> Option<&str> {
        self.get(name).map(js::trim)
    }

    /// All variables, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `NODE_ENV`, which decides on the log format, for one.
    pub fn node_env(&self) -> Option<&str> {
        self.non_empty("NODE_ENV")
    }

    /// `LOG_LEVEL`, as Backstage reads it.
    pub fn log_level(&self) -> Option<&str> {
        self.non_empty("LOG_LEVEL")
    }

    /// Files of further certificate authorities: `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE`.
    pub fn ca_files(&self) -> Vec<&str> {
        let names = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];
        names
            .into_iter()
            .filter_map(|name| self.non_empty(name))
            .collect()
    }

    /// The names in `BACKSTAGE_ENV`: comma separated, trimmed, blanks skipped.
    pub(super) fn backstage_env(&self) -> Vec<&str> {
        let names = self
            .get("BACKSTAGE_ENV")
            .unwrap_or_default()
            .split(',')
            .map(js::trim);
        names.filter(|name| !name.is_empty()).collect()
    }

    fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_names_the_variables_and_no_value() {
        let environment = Environment::from_pairs([("SPACELIFT_API_SECRET", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"["SPACELIFT_API_SECRET"]"#);
    }
}
