//! Writes a configuration for `config print`.

use super::{ConfigError, json, value::Value, yaml};

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Two spaces of indentation, as `backstage-cli config:print --format json`.
    Json,
    /// YAML that reads the same under 1.1 and 1.2.
    Yaml,
}

/// Writes the value with a final line break. Numbers print as JavaScript prints them: `1`, not `1.0`.
pub fn render(value: &Value, format: Format) -> Result<String, ConfigError> {
    let json = json::to_json(value);
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&json).map_err(|error| error.to_string()),
        Format::Yaml => yaml::write(&json, yaml::Form::Block).map_err(|error| error.to_string()),
    };
    let text =
        text.map_err(|error| ConfigError::new(format!("The configuration cannot be written: {error}")))?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_read_back_as_the_same_value() {
        let text = "a: {b: [1, 2.5, 'yes', '014', null], c: {}}\nd: 'x y'\n1: \"two\\nlines\"\ne: ''\n";
        let value = yaml::parse(text.as_bytes()).unwrap().unwrap();
        for format in [Format::Json, Format::Yaml] {
            let text = render(&value, format).unwrap();
            assert_eq!(
                yaml::parse(text.as_bytes()).unwrap().as_ref(),
                Some(&value),
                "{text}"
            );
        }
    }

    #[test]
    fn json_is_indented_by_two() {
        let value = yaml::parse(b"a: {b: 1}").unwrap().unwrap();
        assert_eq!(
            render(&value, Format::Json).unwrap(),
            "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n"
        );
    }
}
