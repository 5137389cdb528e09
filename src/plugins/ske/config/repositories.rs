//! Reads `stagedoor.ske.repositories`, and the entries of `integrations` that it needs.

use crate::{
    backstage::integrations::{Integrations, RepositoryAddress},
    config::{ConfigError, ConfigReader, Problems, Value},
    infra::git::{BranchName, FolderPath},
    plugins::ske::domain::Writable,
};

const KEY: &str = "stagedoor.ske.repositories";

/// Returns the list and the code hosts; those the list names must be usable.
pub(super) fn read(reader: &ConfigReader, problems: &mut Problems) -> (Vec<Writable>, Integrations) {
    let entries = problems.of(reader.optional_config_array(KEY)).flatten();
    let entries = entries.unwrap_or_default();
    let read: Vec<_> = entries.iter().filter_map(|entry| one(entry, problems)).collect();
    let hosts: Vec<&str> = read.iter().map(|writable| writable.address.host()).collect();
    let integrations = Integrations::read(reader, &hosts, problems);
    if problems.is_empty() {
        for (index, host) in hosts.iter().enumerate() {
            if integrations.host(host).is_none() {
                let what =
                    "has no entry in integrations.github or integrations.gitlab; add one with a credential";
                problems.refuse(&format!("{KEY}[{index}].host"), what);
            }
        }
    }
    (read, integrations)
}

fn one(entry: &ConfigReader, problems: &mut Problems) -> Option<Writable> {
    let part = |key: &str| entry.string(key);
    let (host, owner, repo) = (
        problems.of(part("host")),
        problems.of(part("owner")),
        problems.of(part("repo")),
    );
    let branch = problems.of(branch(entry));
    let path = problems.of(path(entry));
    let address = RepositoryAddress::new(&host?, &owner?, &repo?);
    let what = "must name a repository by plain host, owner and repo, with slashes in the owner at most";
    let invalid = |_| ConfigError::invalid(&entry.full_key(""), what);
    Some(Writable {
        address: problems.of(address.map_err(invalid))?,
        branch: branch?,
        path: path?,
    })
}

fn branch(entry: &ConfigReader) -> Result<Option<BranchName>, ConfigError> {
    let name = entry.optional_string("branch")?;
    let invalid = |problem| ConfigError::invalid(&entry.full_key("branch"), &format!("{problem}"));
    name.map(|name| BranchName::parse(&name).map_err(invalid))
        .transpose()
}

/// The empty path is the whole repository, which the getter for strings would refuse.
fn path(entry: &ConfigReader) -> Result<FolderPath, ConfigError> {
    let text = match entry.get("path")? {
        Some(Value::String(text)) if text.is_empty() => text,
        _ => entry.optional_string("path")?.unwrap_or_default(),
    };
    FolderPath::parse(text.trim_matches('/')).map_err(|_| {
        let what =
            "must be a folder in the repository, without '..', '.git', backslashes or control characters";
        ConfigError::invalid(&entry.full_key("path"), what)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plugins::ske::config::testing;

    fn with(repositories: &Json) -> Json {
        json!({
            "ske": {}, "stagedoor": {"ske": {"repositories": repositories}},
            "integrations": {"github": [{"token": "t"}, {"host": "ghe.example.com", "apiBaseUrl": "nonsense"}],
                "gitlab": [{"host": "git.example.com", "token": "t"}]},
        })
    }

    #[test]
    fn repositories_are_read_with_their_branch_and_folder() {
        let config = testing::read(&with(&json!([
            {"host": "GitHub.com", "owner": "acme", "repo": "requests", "branch": "main", "path": "/teams/"},
            {"host": "git.example.com", "owner": "a/b", "repo": "c", "path": ""},
        ])));
        let read = config.unwrap().repositories;
        assert_eq!(read[0].address.to_string(), "github.com/acme/requests");
        assert_eq!(read[0].branch.as_ref().map(BranchName::as_str), Some("main"));
        assert_eq!((read[0].path.as_str(), read[1].path.as_str()), ("teams", ""));
        assert_eq!(read[1].address.to_string(), "git.example.com/a/b/c");
        assert!(
            testing::read(&json!({"ske": {}}))
                .unwrap()
                .repositories
                .is_empty()
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let plain = |more: Json| {
            let mut entry = json!({"host": "github.com", "owner": "acme", "repo": "requests"});
            entry
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            entry
        };
        for (entry, key) in [
            (json!({"owner": "a", "repo": "b"}), "repositories[0].host"),
            (plain(json!({"owner": 7})), "repositories[0].owner"),
            (plain(json!({"owner": "../x"})), "repositories[0]"),
            (plain(json!({"host": "github.com/x"})), "repositories[0]"),
            (plain(json!({"branch": "a..b"})), "repositories[0].branch"),
            (plain(json!({"path": "a/../b"})), "repositories[0].path"),
            (plain(json!({"host": "evil.test"})), "repositories[0].host"),
            (
                plain(json!({"host": "ghe.example.com"})),
                "integrations.github[1].apiBaseUrl",
            ),
        ] {
            let problems = testing::problems(&with(&json!([entry])));
            assert!(
                problems.len() == 1 && problems[0].contains(key),
                "{key}: {problems:?}"
            );
        }
    }
}
