//! `$env`, `$file` and `$include`.

use std::path::{Path, PathBuf};

use super::{
    files::{self, FileReader, ReadError},
    js, json,
    left_out::Cause,
    substitute::{Substituted, substitute},
    transform::{Place, Transformer},
    value::{Object, Value},
    yaml,
};

/// Returns the first directive among the keys. Other keys that begin with a dollar sign are plain data.
pub(super) fn directive(object: &Object) -> Option<&'static str> {
    let known = ["$file", "$env", "$include"];
    object
        .keys()
        .find_map(|key| known.into_iter().find(|directive| directive == key))
}

/// What a directive stands for.
#[derive(Default)]
pub(super) struct Included {
    /// `None` drops the key.
    pub(super) value: Option<Value>,
    /// The folder of the included file: what is in it resolves against that.
    pub(super) folder: Option<PathBuf>,
    /// File and fragment, to notice an inclusion that never ends.
    pub(super) entered: Option<(PathBuf, String)>,
}

impl Included {
    fn text(text: &str) -> Self {
        Self {
            value: Some(Value::String(text.to_owned())),
            ..Self::default()
        }
    }
}

/// Follows one directive. Errors are messages without the place.
pub(super) fn include(
    transformer: &mut Transformer<'_>,
    key: &str,
    object: &Object,
    place: Place<'_>,
) -> Result<Included, String> {
    if object.len() != 1 {
        return Err(format!("include key {key} should not have adjacent keys"));
    }
    let Some(Value::String(argument)) = object.get(key) else {
        return Err(format!("{key} include value is not a string"));
    };
    let Substituted::Text(argument) = substitute(argument, transformer.environment) else {
        return Err(format!("{key} substitution value was undefined"));
    };
    match key {
        "$env" => Ok(variable(transformer, argument, place)),
        "$file" => text_file(transformer, &argument, place.folder),
        _ => structured_file(transformer, &argument, place),
    }
}

fn variable(transformer: &mut Transformer<'_>, name: String, place: Place<'_>) -> Included {
    match transformer.environment.trimmed(&name) {
        Some(value) => Included::text(value),
        None => {
            transformer.leave_out(place.path, Cause::Variable(name));
            Included::default()
        }
    }
}

fn text_file(transformer: &mut Transformer<'_>, argument: &str, folder: &Path) -> Result<Included, String> {
    let path = files::resolve(folder, argument);
    let content = read(transformer, &path).map_err(|error| {
        let class = if error == ReadError::Missing {
            "NotFoundError"
        } else {
            "Error"
        };
        format!(
            "failed to read file {argument}, {class}: {}",
            describe(&error, &path)
        )
    })?;
    Ok(Included::text(js::trim_end(&String::from_utf8_lossy(&content))))
}

fn structured_file(
    transformer: &mut Transformer<'_>,
    argument: &str,
    place: Place<'_>,
) -> Result<Included, String> {
    let (name, fragment) = argument.split_once('#').unwrap_or((argument, ""));
    let Some(parse) = parser(name) else {
        return Err(format!(
            "no configuration parser available for included file {name}"
        ));
    };
    let path = files::resolve(place.folder, name);
    let entered = (path.clone(), fragment.to_owned());
    if transformer.including.contains(&entered) {
        return Err(format!("the included file {argument} includes itself"));
    }
    let content = read(transformer, &path).map_err(|error| describe(&error, &path))?;
    let value = parse(&content).map_err(|error| format!("failed to parse included file {name}, {error}"))?;
    let value = match select(value, name, fragment)? {
        Some(Value::String(text)) => transformer.text(&text, place.path),
        other => other,
    };
    Ok(Included {
        value,
        folder: path.parent().map(Path::to_owned),
        entered: Some(entered),
    })
}

/// What an `$include` of this file stands for, as it is written there; `None` where that cannot be said.
pub(super) fn raw(object: &Object, file: &Path) -> Option<(PathBuf, Value)> {
    let Some(Value::String(argument)) = object.get("$include") else {
        return None;
    };
    let (name, fragment) = argument.split_once('#').unwrap_or((argument, ""));
    let path = files::resolve(file.parent().unwrap_or(Path::new("")), name);
    let content = FileReader::default().read(&path).ok()?;
    let value = parser(name)?(&content).ok()?;
    Some((path, select(value, name, fragment).ok()??))
}

fn read(transformer: &mut Transformer<'_>, path: &Path) -> Result<Vec<u8>, ReadError> {
    match &mut transformer.files {
        Some(files) => files.read(path),
        None => Err(ReadError::Missing),
    }
}

fn describe(error: &ReadError, path: &Path) -> String {
    match error {
        ReadError::Missing => format!("failed to include \"{}\", file does not exist", path.display()),
        ReadError::Other(message) => message.clone(),
    }
}

type Parse = fn(&[u8]) -> Result<Value, String>;

/// Chooses by extension; upper case is another extension, as for Backstage.
fn parser(name: &str) -> Option<Parse> {
    match Path::new(name).extension()?.to_str()? {
        "json" => Some(parse_json),
        "yaml" | "yml" => Some(parse_yaml),
        _ => None,
    }
}

fn parse_json(content: &[u8]) -> Result<Value, String> {
    json::parse(&String::from_utf8_lossy(content)).map_err(|error| format!("SyntaxError: {error}"))
}

fn parse_yaml(content: &[u8]) -> Result<Value, String> {
    let value = yaml::parse(content).map_err(|error| format!("YAMLParseError: {error}"))?;
    Ok(value.unwrap_or(Value::Null))
}

/// Follows the dotted path after the `#`; there is no indexing into lists and no escaping.
fn select(value: Value, name: &str, fragment: &str) -> Result<Option<Value>, String> {
    let mut value = Some(value);
    let parts: Vec<_> = if fragment.is_empty() {
        Vec::new()
    } else {
        fragment.split('.').collect()
    };
    for (index, part) in parts.iter().enumerate() {
        let Some(Value::Object(mut object)) = value else {
            let reached = parts.get(..index).unwrap_or_default().join(".");
            return Err(format!(
                "value at '{reached}' in included file {name} is not an object"
            ));
        };
        value = object.swap_remove(*part);
    }
    Ok(value)
}
