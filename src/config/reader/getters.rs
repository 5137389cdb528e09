//! The getters for single values and lists of strings.

use secrecy::SecretString;

use super::ConfigReader;
use crate::config::{ConfigError, js, value::Value};

impl ConfigReader {
    /// Returns a non-empty string.
    pub fn string(&self, key: &str) -> Result<String, ConfigError> {
        self.required(key, self.optional_string(key)?)
    }

    /// Returns a non-empty string, or `None` when the key is missing.
    pub fn optional_string(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((_, Value::String(text))) if !text.is_empty() => Ok(Some(text.clone())),
            Some((context, other)) => Err(self.type_error(key, (context, other), "string")),
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
    pub fn number(&self, key: &str) -> Result<f64, ConfigError> {
        self.required(key, self.optional_number(key)?)
    }

    /// Returns a number, or `None` when the key is missing. A YAML infinity or NaN passes, a converted one does not.
    pub fn optional_number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some((_, Value::Number(number))) => Ok(Some(*number)),
            Some((_, Value::String(text))) => {
                let number = js::to_number(text).filter(|number| number.is_finite());
                number.map(Some).ok_or_else(|| self.convert_error(key, "number"))
            }
            Some((context, other)) => Err(self.type_error(key, (context, other), "number")),
        }
    }

    /// Returns a boolean; the words `y yes true 1 on` and `n no false 0 off` are converted.
    pub fn boolean(&self, key: &str) -> Result<bool, ConfigError> {
        self.required(key, self.optional_boolean(key)?)
    }

    /// Returns a boolean, or `None` when the key is missing.
    pub fn optional_boolean(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let word = match self.find(key)? {
            None => return Ok(None),
            Some((_, Value::Bool(flag))) => return Ok(Some(*flag)),
            Some((_, Value::Number(number))) => js::number_text(*number),
            Some((_, Value::String(text))) => js::trim(text).to_ascii_lowercase(),
            Some((context, other)) => return Err(self.type_error(key, (context, other), "boolean")),
        };
        match word.as_str() {
            "y" | "yes" | "true" | "1" | "on" => Ok(Some(true)),
            "n" | "no" | "false" | "0" | "off" => Ok(Some(false)),
            _ => Err(self.convert_error(key, "boolean")),
        }
    }

    /// Returns a list of non-empty strings.
    pub fn string_array(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        self.required(key, self.optional_string_array(key)?)
    }

    /// Returns a list of non-empty strings, or `None` when the key is missing.
    pub fn optional_string_array(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some((context, items)) = self.list(key, "string-array")? else {
            return Ok(None);
        };
        let texts = items.iter().enumerate().map(|(index, item)| match item {
            Value::String(text) if !text.is_empty() => Ok(text.clone()),
            other => Err(self.type_error(&format!("{key}[{index}]"), (context, other), "string-array")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// Returns a string or a list of strings as a list, as many Backstage settings allow.
    pub fn optional_string_or_array(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        match self.find(key)? {
            Some((_, Value::String(_))) => Ok(self.optional_string(key)?.map(|one| vec![one])),
            _ => self.optional_string_array(key),
        }
    }

    /// Returns a reader for each mapping of the list at the key; missing is an error.
    pub fn config_array(&self, key: &str) -> Result<Vec<ConfigReader>, ConfigError> {
        self.required(key, self.optional_config_array(key)?)
    }
}
