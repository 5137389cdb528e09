//! `backend.health.headers`: what health answers carry besides.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{ConfigError, ConfigReader};

/// Headers for health answers, parsed once.
#[derive(Debug, Clone, Default)]
pub struct HealthHeaders(Vec<(HeaderName, HeaderValue)>);

impl HealthHeaders {
    /// Reads the mapping of header names to values.
    pub fn read(config: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let section = config
            .optional_config("backend.health.headers")
            .map_err(|error| vec![error])?;
        let Some(section) = section else {
            return Ok(Self::default());
        };
        let mut headers = Vec::new();
        let mut errors = Vec::new();
        for key in section.keys() {
            match read_header(&section, &key) {
                Ok(header) => headers.push(header),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self(headers))
        } else {
            Err(errors)
        }
    }

    /// Puts the headers on an answer.
    pub fn decorate(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.insert(name, value.clone());
        }
    }
}

fn read_header(section: &ConfigReader, key: &str) -> Result<(HeaderName, HeaderValue), ConfigError> {
    let value = section.string(key)?;
    match (HeaderName::try_from(key), HeaderValue::try_from(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(ConfigError::new(format!(
            "`{}` must be the name and value of an HTTP header",
            section.full_key(key)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    #[test]
    fn the_headers_are_added_to_an_answer() {
        let read = HealthHeaders::read(&config(r#"{"backend":{"health":{"headers":{"X-Probe":"yes"}}}}"#));
        let mut headers = HeaderMap::new();
        read.unwrap().decorate(&mut headers);
        assert_eq!(headers["x-probe"], "yes");
        assert!(HealthHeaders::read(&config("{}")).unwrap().0.is_empty());
    }

    #[test]
    fn a_value_that_no_header_can_carry_is_refused() {
        let errors = HealthHeaders::read(&config(
            r#"{"backend":{"health":{"headers":{"x-a":"a\nb","x-b":7}}}}"#,
        ))
        .unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(
            errors[0].to_string().contains("backend.health.headers.x-a"),
            "{errors:?}"
        );
    }
}
