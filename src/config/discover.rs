//! Which files make up the configuration.

use std::path::{Path, PathBuf};

use url::Url;

use super::{ConfigError, environment::Environment, files};

/// One source, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    File(PathBuf),
    Url(String),
}

/// Sorts out the values of `--config`; paths are relative to the working directory.
pub(super) fn given(targets: &[String], working_dir: &Path) -> Vec<Target> {
    let targets = targets.iter().filter(|target| !target.is_empty());
    let sort = |target: &String| match is_url(target) {
        true => Target::Url(target.clone()),
        false => Target::File(files::resolve(working_dir, target)),
    };
    targets.map(sort).collect()
}

/// A URL has a host: `C:\x` and `file:///x` are paths.
fn is_url(target: &str) -> bool {
    let host = |url: Url| url.host_str().is_some_and(|host| !host.is_empty());
    Url::parse(target).is_ok_and(host)
}

/// Finds the default files in the root folder. The first must exist, which the reading finds out.
pub(super) fn discover(root: &Path, environment: &Environment) -> Vec<Target> {
    let [default, optional @ ..] = &candidates(root, environment)[..] else {
        return Vec::new();
    };
    let present = optional.iter().filter(|path| path.exists());
    let paths = std::iter::once(default).chain(present);
    paths.cloned().map(Target::File).collect()
}

/// Every file that would be read if it existed, lowest first.
pub(super) fn candidates(root: &Path, environment: &Environment) -> Vec<PathBuf> {
    let names = environment.backstage_env();
    let mut files = vec!["app-config.yaml".to_owned()];
    files.extend(names.iter().map(|name| format!("app-config.{name}.yaml")));
    files.push("app-config.local.yaml".to_owned());
    files.extend(names.iter().map(|name| format!("app-config.{name}.local.yaml")));
    files.iter().map(|file| files::resolve(root, file)).collect()
}

/// Finds the nearest folder, upwards, whose package.json declares workspaces; else the folder itself.
pub fn workspace_root(working_dir: &Path) -> Result<PathBuf, ConfigError> {
    for folder in working_dir.ancestors() {
        let Ok(content) = std::fs::read(folder.join("package.json")) else {
            continue;
        };
        let package: serde_json::Value = serde_json::from_slice(&content).map_err(|error| {
            let folder = folder.display();
            ConfigError::new(format!(
                "Failed to parse {folder}/package.json while searching for root, {error}"
            ))
        })?;
        if package.get("workspaces").is_some_and(is_truthy) {
            return Ok(folder.to_owned());
        }
    }
    Ok(working_dir.to_owned())
}

fn is_truthy(value: &serde_json::Value) -> bool {
    value.is_array()
        || value.is_object()
        || value.as_str().is_some_and(|text| !text.is_empty())
        || *value == true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host() {
        for url in ["https://host/x.yaml", "http://127.0.0.1:1/x"] {
            assert!(is_url(url), "{url}");
        }
        for path in [
            "app-config.yaml",
            "C:\\x",
            "file:///x",
            "/abs/x.yaml",
            "../x",
            "localhost:7007",
        ] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn only_the_environments_own_local_file_beats_the_plain_local_file() {
        let environment = Environment::from_pairs([("BACKSTAGE_ENV", "prod, ,eu")]);
        let files = candidates(Path::new("/r"), &environment);
        let names: Vec<_> = files
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        assert_eq!(
            names,
            [
                "app-config.yaml",
                "app-config.prod.yaml",
                "app-config.eu.yaml",
                "app-config.local.yaml",
                "app-config.prod.local.yaml",
                "app-config.eu.local.yaml"
            ]
        );
    }

    #[test]
    fn the_root_is_the_nearest_folder_with_workspaces() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("packages/backend");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("package.json"), "{}").unwrap();
        assert_eq!(workspace_root(&inner), Ok(inner.clone()));
        std::fs::write(
            folder.path().join("package.json"),
            r#"{"workspaces":["packages/*"]}"#,
        )
        .unwrap();
        assert_eq!(workspace_root(&inner), Ok(folder.path().to_owned()));
        std::fs::write(folder.path().join("package.json"), "{").unwrap();
        assert!(workspace_root(&inner).is_err());
    }
}
