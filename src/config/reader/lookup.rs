//! Finds values in the layers, and merges them.

use std::sync::Arc;

use super::{ConfigReader, Held, Layer};
use crate::config::{
    ConfigError, keys::is_key_part, left_out::LeftOut, merge, replaced, sections, value::Value,
};

/// The context Backstage names when there is no layer at all.
const NO_LAYER: &str = "mock-config";

/// A value and the context of the layer that holds it.
pub(super) type Found<'r> = Option<(&'r str, &'r Value)>;

impl ConfigReader {
    /// Reads over the layers, lowest first.
    pub fn new(layers: Vec<Layer>) -> Self {
        Self::with_left_out(layers, Vec::new(), false)
    }

    pub(in crate::config) fn with_left_out(
        layers: Vec<Layer>,
        left_out: Vec<LeftOut>,
        explains: bool,
    ) -> Self {
        let held = layers.into_iter().map(|layer| Held {
            context: layer.context,
            data: Value::Object(layer.data),
        });
        Self {
            layers: held.collect(),
            prefix: "".into(),
            left_out: left_out.into(),
            explains,
        }
    }

    /// Returns the key as messages name it, with the prefix of this reader.
    pub fn full_key(&self, key: &str) -> String {
        match (self.prefix.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.prefix.to_string(),
            (false, false) => format!("{}.{key}", self.prefix),
        }
    }

    /// Returns why this key is missing although it is written: what is not there, and which file asks for it.
    pub fn missing_because(&self, key: &str) -> Option<String> {
        self.left_out_at(key).map(LeftOut::reason)
    }

    /// Says which list or mapping of which source a later one replaces, and what is no longer named.
    pub fn replaced(&self) -> Vec<String> {
        let layers = self.layers.iter().filter_map(|held| {
            let data = held.data.as_object()?.clone();
            let context = held.context.clone();
            Some(Layer { context, data })
        });
        replaced::sentences(&layers.collect::<Vec<_>>())
    }

    fn left_out_at(&self, key: &str) -> Option<&LeftOut> {
        let full_key = self.full_key(key);
        let found = self.left_out.iter().find(|one| one.key == full_key);
        found.filter(|_| !self.has(key))
    }

    /// Says what is written and missing all the same: every file that could not be followed, and of variables those in
    /// parts that this process reads whatever is switched on. Of the rest tell those who read it.
    pub fn left_out_notices(&self) -> impl Iterator<Item = String> {
        let concerns_us = |one: &&LeftOut| one.is_include() || sections::is_always_read(&one.key);
        self.left_out.iter().filter(concerns_us).map(LeftOut::notice)
    }

    /// Whether the key has a value in any layer; false also where reading it would be an error.
    pub fn has(&self, key: &str) -> bool {
        matches!(self.find(key), Ok(Some(_)))
    }

    /// The keys of the mapping this reader is rooted at: the top layer's first, without those it sets to null.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for data in self.layers.iter().filter_map(|layer| layer.data.as_object()) {
            let below = std::mem::take(&mut keys);
            keys.extend(data.keys().cloned());
            keys.extend(below.into_iter().filter(|key| !data.contains_key(key)));
            keys.retain(|key| data.get(key) != Some(&Value::Null));
        }
        keys
    }

    /// Returns the raw merged value; an empty key is the whole mapping.
    pub fn get(&self, key: &str) -> Result<Option<Value>, ConfigError> {
        let mut found = Vec::with_capacity(self.layers.len());
        for layer in self.layers.iter().rev() {
            found.push(self.read_layer(layer, key)?);
        }
        Ok(merge::merge(found.into_iter().rev()))
    }

    /// Returns a reader for the mapping at the key; missing is an error.
    ///
    /// Every layer is checked, hidden ones too.
    pub fn config(&self, key: &str) -> Result<ConfigReader, ConfigError> {
        let layers = self.mappings(key)?;
        let reader = (!layers.is_empty()).then(|| self.rooted(layers, key));
        self.required(key, reader)
    }

    /// Returns a reader for the mapping at the key.
    ///
    /// Layers are checked only when the key has a value: so does the reader that Backstage hands to its plugins.
    pub fn optional_config(&self, key: &str) -> Result<Option<ConfigReader>, ConfigError> {
        match self.find(key)? {
            Some(_) => self.config(key).map(Some),
            None => Ok(None),
        }
    }

    /// Returns a reader for the mapping that all layers together come to at the key, whatever the layers below hold that
    /// it replaces; `None` when it is missing or something else.
    ///
    /// Backstage reads some sections so: with `getOptional`, and then what it returned as plain data.
    pub fn merged_config(&self, key: &str) -> Result<Option<ConfigReader>, ConfigError> {
        let Some(data @ Value::Object(_)) = self.get(key)? else {
            return Ok(None);
        };
        let context = self.find(key)?.map(|(context, _)| context.to_owned());
        let context = context.unwrap_or_default();
        Ok(Some(self.rooted(vec![Held { context, data }], key)))
    }

    /// The mappings at the key, lowest layer first, without those that a null above them hides.
    pub(super) fn mappings(&self, key: &str) -> Result<Vec<Held>, ConfigError> {
        let mut found = Vec::with_capacity(self.layers.len());
        for layer in self.layers.iter().rev() {
            found.push((layer, self.read_layer(layer, key)?));
        }
        let mut layers = Vec::new();
        for (layer, value) in found.into_iter().rev() {
            match value {
                None => {}
                Some(Value::Null) => layers.clear(),
                Some(data @ Value::Object(_)) => layers.push(Held {
                    context: layer.context.clone(),
                    data: data.clone(),
                }),
                Some(other) => return Err(self.type_error(key, (&layer.context, other), "object")),
            }
        }
        Ok(layers)
    }

    /// Returns a reader for each mapping of the list at the key.
    pub fn optional_config_array(&self, key: &str) -> Result<Option<Vec<ConfigReader>>, ConfigError> {
        let Some((context, items)) = self.list(key, "object-array")? else {
            return Ok(None);
        };
        let mut readers = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let item_key = format!("{key}[{index}]");
            if item.as_object().is_none() {
                return Err(self.type_error(&item_key, (context, item), "object-array"));
            }
            let layer = Held {
                context: context.to_owned(),
                data: item.clone(),
            };
            readers.push(self.rooted(vec![layer], &item_key));
        }
        Ok(Some(readers))
    }

    pub(super) fn rooted(&self, layers: Vec<Held>, key: &str) -> ConfigReader {
        ConfigReader {
            layers: layers.into(),
            prefix: self.full_key(key).into(),
            left_out: Arc::clone(&self.left_out),
            explains: self.explains,
        }
    }

    /// The value at the key that is a list, or a type error.
    pub(super) fn list(&self, key: &str, wanted: &str) -> Result<Option<(&str, &[Value])>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((context, Value::Array(items))) => Ok(Some((context, items))),
            Some((context, other)) => Err(self.type_error(key, (context, other), wanted)),
        }
    }

    /// The topmost value at the key; null in a layer hides the layers below.
    pub(super) fn find(&self, key: &str) -> Result<Found<'_>, ConfigError> {
        if self.layers.is_empty() {
            check_key(key)?;
        }
        for layer in self.layers.iter().rev() {
            match self.read_layer(layer, key)? {
                None => {}
                Some(Value::Null) => return Ok(None),
                Some(value) => return Ok(Some((&layer.context, value))),
            }
        }
        Ok(None)
    }

    fn read_layer<'a>(&self, layer: &'a Held, key: &str) -> Result<Option<&'a Value>, ConfigError> {
        check_key(key)?;
        if key.is_empty() {
            return Ok(Some(&layer.data));
        }
        let mut value = Some(&layer.data);
        let mut path = String::new();
        for part in key.split('.') {
            match value {
                None | Some(Value::Null) => return Ok(value),
                Some(Value::Object(object)) => value = object.get(part),
                Some(other) => return Err(self.type_error(&path, (&layer.context, other), "object")),
            }
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{path}{dot}{part}");
        }
        Ok(value)
    }

    /// The context named when a value is missing or does not convert: the top layer's.
    fn top_context(&self) -> &str {
        self.layers
            .last()
            .map_or(NO_LAYER, |layer| layer.context.as_str())
    }

    /// Turns a missing value into Backstage's message.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, ConfigError> {
        value.ok_or_else(|| {
            let (full_key, context) = (self.full_key(key), self.top_context());
            let message = format!("Missing required config value at '{full_key}' in '{context}'");
            ConfigError::new(match self.missing_because(key).filter(|_| self.explains) {
                Some(reason) => format!("{message}: {reason}"),
                None => message,
            })
        })
    }

    pub(super) fn type_error(&self, key: &str, (context, got): (&str, &Value), wanted: &str) -> ConfigError {
        let (key, got) = (self.full_key(key), got.type_name());
        let message =
            format!("Invalid type in config for key '{key}' in '{context}', got {got}, wanted {wanted}");
        ConfigError::of_type(message)
    }

    pub(super) fn convert_error(&self, key: &str, wanted: &str) -> ConfigError {
        let (key, context) = (self.full_key(key), self.top_context());
        let message = format!("Unable to convert config value for key '{key}' in '{context}' to a {wanted}");
        ConfigError::new(message)
    }
}

fn check_key(key: &str) -> Result<(), ConfigError> {
    if key.is_empty() || key.split('.').all(is_key_part) {
        Ok(())
    } else {
        Err(ConfigError::of_type(format!("Invalid config key '{key}'")))
    }
}
