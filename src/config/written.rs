//! The files as they are written, before variables are put in: what a person can copy from.

use std::path::{Path, PathBuf};

use super::{
    ConfigError, LoadOptions, env_overrides,
    files::{self, FileReader},
    include,
    load::{self, Source},
    value::{Object, Value},
    yaml,
};

/// Files that may include one another on the way to a value.
const MAX_INCLUDES: usize = 50;

/// The sources of a configuration, lowest first.
#[derive(Debug)]
pub struct Written {
    files: Vec<(PathBuf, Value)>,
    variables: Option<Object>,
}

/// Where a value is written.
#[derive(Debug)]
pub enum Origin {
    /// In a file, as it stands there.
    File(PathBuf, Value),
    /// In a variable of the environment, above every file.
    Variable,
}

impl Written {
    /// Reads the files that make up the configuration.
    ///
    /// # Errors
    /// A file that cannot be read or is no YAML.
    pub async fn read(options: &LoadOptions) -> Result<Self, ConfigError> {
        let mut files = Vec::new();
        for source in load::fetch_all(options).await? {
            let (path, content) = match source {
                Source::Remote(url, body) => (url.into(), body),
                Source::File(path) => {
                    let content = FileReader::default().read(&path);
                    let message = || ConfigError::new(format!("{} cannot be read", path.display()));
                    (path.clone(), content.map_err(|_| message())?)
                }
            };
            let parsed = yaml::parse(&content).map_err(|error| ConfigError::new(error.to_string()))?;
            files.extend(parsed.map(|value| (path, value)));
        }
        let variables = env_overrides::read(&options.environment)?;
        Ok(Self { files, variables })
    }

    /// Returns the value that counts: the one of the last source that has the key.
    pub fn topmost(&self, key: &str) -> Option<Origin> {
        let steps: Vec<&str> = key.split('.').collect();
        let variables = self.variables.clone().map(Value::Object);
        if variables.is_some_and(|variables| follow(variables, Path::new(""), &steps).is_some()) {
            return Some(Origin::Variable);
        }
        let found = self
            .files
            .iter()
            .rev()
            .find_map(|(file, value)| follow(value.clone(), file, &steps));
        let (file, value) = found.filter(|(_, value)| *value != Value::Null)?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Some(Origin::File(file, anchored(value, &folder)))
    }
}

/// Goes down to the value, through the files that are included on the way.
fn follow(value: Value, file: &Path, steps: &[&str]) -> Option<(PathBuf, Value)> {
    let (mut value, mut file) = (value, file.to_owned());
    let mut steps = steps.iter();
    for _ in 0..MAX_INCLUDES {
        match &value {
            Value::Object(entries) if entries.contains_key("$include") => {
                (file, value) = include::raw(entries, &file)?;
            }
            Value::Object(entries) => match steps.next() {
                None => return Some((file, value)),
                Some(step) => value = entries.get(*step)?.clone(),
            },
            Value::Null => return Some((file, value)),
            _ => return steps.next().is_none().then_some((file, value)),
        }
    }
    None
}

/// The value with what it includes named from where the process runs, so that it means the same in another file.
fn anchored(value: Value, folder: &Path) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| anchored(item, folder)).collect()),
        Value::Object(entries) => {
            let entry = |(key, entry): (String, Value)| {
                let entry = match entry {
                    Value::String(path) if key == "$file" || key == "$include" => {
                        Value::String(files::resolve(folder, &path).display().to_string())
                    }
                    other => anchored(other, folder),
                };
                (key, entry)
            };
            Value::Object(entries.into_iter().map(entry).collect())
        }
        scalar => scalar,
    }
}
