//! `APP_CONFIG_*`: configuration in environment variables, above all files.

use indexmap::map::Entry;

use super::{
    ConfigError,
    environment::Environment,
    json,
    keys::is_key_part,
    value::{Object, Value},
};

const PREFIX: &str = "APP_CONFIG_";

/// Collects the variables, in order, into one layer's data; `None` when there are none.
pub(super) fn read(environment: &Environment) -> Result<Option<Object>, ConfigError> {
    let mut data = None;
    for (name, value) in environment.iter() {
        if let Some(key) = name.strip_prefix(PREFIX).filter(|_| !value.is_empty()) {
            set(data.get_or_insert_with(Object::new), key, value)?;
        }
    }
    Ok(data)
}

fn set(data: &mut Object, key: &str, value: &str) -> Result<(), ConfigError> {
    let parts: Vec<&str> = key.split('_').collect();
    let (last, parents) = parts.split_last().unwrap_or((&"", &[]));
    let mut object = data;
    for (index, part) in parents.iter().enumerate() {
        check_part(part, key)?;
        let child = object.entry((*part).to_owned()).or_insert(Value::Null);
        if *child == Value::Null {
            *child = Value::Object(Object::new());
        }
        let Value::Object(child) = child else {
            let parent = parts.get(..=index).unwrap_or_default().join("_");
            let message = format!("Could not nest config for key '{key}' under existing value '{parent}'");
            return Err(ConfigError::of_type(message));
        };
        object = child;
    }
    check_part(last, key)?;
    match object.entry((*last).to_owned()) {
        Entry::Occupied(_) => {
            let message = format!("Refusing to override existing config at key '{key}'");
            Err(ConfigError::of_type(message))
        }
        Entry::Vacant(vacant) => {
            vacant.insert(parse(key, value)?);
            Ok(())
        }
    }
}

fn check_part(part: &str, key: &str) -> Result<(), ConfigError> {
    if is_key_part(part) {
        Ok(())
    } else {
        Err(ConfigError::of_type(format!("Invalid env config key '{key}'")))
    }
}

/// JSON if it parses, else the text as it is.
fn parse(key: &str, text: &str) -> Result<Value, ConfigError> {
    match json::parse(text) {
        Ok(Value::Null) => Err(ConfigError::of_type(format!(
            "Failed to parse JSON-serialized config value for key '{key}', Error: value may not be null"
        ))),
        Ok(value) => Ok(value),
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}
