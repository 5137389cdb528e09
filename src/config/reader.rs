//! Backstage's typed getters over the layers of an app-config.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{
    ConfigError,
    value::{Object, Value},
};

/// One source of configuration: a file, a remote document or the environment.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Base name of the file, `env`, or the URL; named in messages.
    pub context: String,
    /// What it says.
    pub data: Object,
}

/// Reads values the way `@backstage/config`'s `ConfigReader` does: same coercions, same messages.
///
/// Cheap to clone. A reader may be rooted at a key (`config`, `config_array`); messages always carry the full key.
#[derive(Debug, Clone)]
pub struct ConfigReader {
    /// Lowest layer first.
    layers: Arc<[Layer]>,
    prefix: Arc<str>,
}

impl ConfigReader {
    /// Reads over the layers, lowest first.
    pub fn new(layers: Vec<Layer>) -> Self {
        Self {
            layers: layers.into(),
            prefix: "".into(),
        }
    }

    /// Returns the key as messages name it, with the prefix of this reader.
    pub fn full_key(&self, key: &str) -> String {
        if self.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.prefix)
        }
    }

    /// Whether the key has a value in any layer.
    pub fn has(&self, key: &str) -> bool {
        matches!(self.find(key), Ok(Some(_)))
    }

    /// The keys of the mapping this reader is rooted at.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for layer in self.layers.iter().rev() {
            keys.extend(layer.data.keys().cloned());
        }
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.clone()) && self.has(key));
        keys
    }

    /// Returns a non-empty string.
    pub fn string(&self, key: &str) -> Result<String, ConfigError> {
        self.required(key, self.optional_string(key)?)
    }

    /// Returns a non-empty string, or `None` when the key is missing.
    pub fn optional_string(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((_, Value::String(text))) if !text.is_empty() => Ok(Some(text.clone())),
            Some((context, other)) => Err(self.type_error(key, context, other, "string")),
        }
    }

    /// Returns a non-empty string as a secret.
    pub fn secret(&self, key: &str) -> Result<SecretString, ConfigError> {
        self.string(key).map(SecretString::from)
    }

    /// Returns a non-empty string as a secret, or `None` when the key is missing.
    pub fn optional_secret(&self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        Ok(self.optional_string(key)?.map(SecretString::from))
    }

    /// Returns a number; strings are converted as JavaScript's `Number()` does.
    pub fn optional_number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((_, Value::Number(number))) => Ok(Some(*number)),
            Some((_, Value::String(text))) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(self.convert_error(key, "number")),
            },
            Some((context, other)) => Err(self.type_error(key, context, other, "number")),
        }
    }

    /// Returns a boolean; the words `y yes true 1 on` and `n no false 0 off` are converted.
    pub fn optional_boolean(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((_, Value::Bool(flag))) => Ok(Some(*flag)),
            Some((_, Value::String(text))) => match text.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" | "true" | "1" | "on" => Ok(Some(true)),
                "n" | "no" | "false" | "0" | "off" => Ok(Some(false)),
                _ => Err(self.convert_error(key, "boolean")),
            },
            Some((context, other)) => Err(self.type_error(key, context, other, "boolean")),
        }
    }

    /// Returns a list of non-empty strings.
    pub fn optional_string_array(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((context, Value::Array(items))) => items
                .iter()
                .enumerate()
                .map(|(index, item)| match item {
                    Value::String(text) if !text.is_empty() => Ok(text.clone()),
                    other => Err(self.type_error(&format!("{key}[{index}]"), context, other, "string-array")),
                })
                .collect::<Result<_, _>>()
                .map(Some),
            Some((context, other)) => Err(self.type_error(key, context, other, "string-array")),
        }
    }

    /// Returns a string or a list of strings as a list, as many Backstage settings allow.
    pub fn optional_string_or_array(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        match self.get(key)? {
            Some(Value::String(_)) => Ok(self.optional_string(key)?.map(|one| vec![one])),
            _ => self.optional_string_array(key),
        }
    }

    /// Returns a reader for the mapping at the key; missing is an error.
    pub fn config(&self, key: &str) -> Result<ConfigReader, ConfigError> {
        self.required(key, self.optional_config(key)?)
    }

    /// Returns a reader for the mapping at the key.
    pub fn optional_config(&self, key: &str) -> Result<Option<ConfigReader>, ConfigError> {
        let mut layers = Vec::new();
        for layer in self.layers.iter() {
            match self.read_layer(layer, key)? {
                None => {}
                Some(Value::Null) => layers.clear(),
                Some(Value::Object(data)) => layers.push(Layer {
                    context: layer.context.clone(),
                    data: data.clone(),
                }),
                Some(other) => return Err(self.type_error(key, &layer.context, other, "object")),
            }
        }
        let prefix = self.full_key(key).into();
        Ok((!layers.is_empty()).then(|| ConfigReader {
            layers: layers.into(),
            prefix,
        }))
    }

    /// Returns a reader for each mapping of the list at the key.
    pub fn optional_config_array(&self, key: &str) -> Result<Option<Vec<ConfigReader>>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((context, Value::Array(items))) => {
                let mut readers = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let item_key = format!("{key}[{index}]");
                    let Value::Object(data) = item else {
                        return Err(self.type_error(&item_key, context, item, "object-array"));
                    };
                    let layer = Layer {
                        context: context.to_owned(),
                        data: data.clone(),
                    };
                    let prefix = self.full_key(&item_key).into();
                    readers.push(ConfigReader {
                        layers: vec![layer].into(),
                        prefix,
                    });
                }
                Ok(Some(readers))
            }
            Some((context, other)) => Err(self.type_error(key, context, other, "object-array")),
        }
    }

    /// Returns the raw merged value; an empty key is the whole mapping.
    pub fn get(&self, key: &str) -> Result<Option<Value>, ConfigError> {
        Ok(self.find(key)?.map(|(_, value)| value.clone()))
    }

    /// Returns a duration: an object of units, `30s`, `1.5h` or ISO 8601.
    pub fn optional_duration(&self, _key: &str) -> Result<Option<Duration>, ConfigError> {
        Ok(None)
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, ConfigError> {
        let context = self
            .layers
            .last()
            .map_or("mock-config", |layer| layer.context.as_str());
        value.ok_or_else(|| {
            ConfigError::new(format!(
                "Missing required config value at '{}' in '{context}'",
                self.full_key(key)
            ))
        })
    }

    fn find(&self, key: &str) -> Result<Option<(&str, &Value)>, ConfigError> {
        for layer in self.layers.iter().rev() {
            match self.read_layer(layer, key)? {
                None => {}
                Some(Value::Null) => return Ok(None),
                Some(value) => return Ok(Some((&layer.context, value))),
            }
        }
        Ok(None)
    }

    fn read_layer<'a>(&self, layer: &'a Layer, key: &str) -> Result<Option<&'a Value>, ConfigError> {
        let mut parts = key.split('.');
        let Some(first) = parts.next() else {
            return Ok(None);
        };
        let mut value = layer.data.get(first);
        let mut path = first.to_owned();
        for part in parts {
            match value {
                None | Some(Value::Null) => return Ok(value),
                Some(Value::Object(object)) => value = object.get(part),
                Some(other) => return Err(self.type_error(&path, &layer.context, other, "object")),
            }
            path = format!("{path}.{part}");
        }
        Ok(value)
    }

    fn type_error(&self, key: &str, context: &str, got: &Value, wanted: &str) -> ConfigError {
        ConfigError::new(format!(
            "Invalid type in config for key '{}' in '{context}', got {}, wanted {wanted}",
            self.full_key(key),
            got.type_name()
        ))
    }

    fn convert_error(&self, key: &str, wanted: &str) -> ConfigError {
        let context = self
            .layers
            .last()
            .map_or("mock-config", |layer| layer.context.as_str());
        ConfigError::new(format!(
            "Unable to convert config value for key '{}' in '{context}' to a {wanted}",
            self.full_key(key)
        ))
    }
}
