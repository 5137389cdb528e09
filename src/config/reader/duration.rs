//! Durations as `readDurationFromConfig` of `@backstage/config` reads them.

use std::time::Duration;

use super::{ConfigReader, iso};
use crate::config::{ConfigError, js, value::Value};

/// The units of a duration object with their length in milliseconds; a month is 30 days, a year 365.
pub(super) const UNITS: [(&str, f64); 8] = [
    ("years", 365.0 * DAY),
    ("months", 30.0 * DAY),
    ("weeks", 7.0 * DAY),
    ("days", DAY),
    ("hours", 3_600_000.0),
    ("minutes", 60_000.0),
    ("seconds", 1000.0),
    ("milliseconds", 1.0),
];

const DAY: f64 = 86_400_000.0;

/// The year of the `ms` package, which first reads a text with a unit.
const MS_YEAR: f64 = 365.25 * DAY;

/// Longest time limit that makes sense; far longer ones are typing errors and would overflow the clock.
const LONGEST_LIMIT: Duration = Duration::from_secs(86_400);

/// The `ms` package reads no longer texts.
const MS_MAX_LENGTH: usize = 100;

impl ConfigReader {
    /// Returns a duration: an object of units, `30s`, `1.5h` or ISO 8601; a missing key is an error.
    pub fn duration(&self, key: &str) -> Result<Duration, ConfigError> {
        let millis = match self.get(key)? {
            Some(Value::String(_)) => self.duration_text(key)?,
            _ => self.duration_object(key)?,
        };
        Duration::try_from_secs_f64(millis / 1000.0).map_err(|_| {
            let key = self.full_key(key);
            ConfigError::new(format!(
                "Invalid duration in config at '{key}', it is negative or too long"
            ))
        })
    }

    /// Returns a duration, or `None` when the key is missing.
    pub fn optional_duration(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        match self.find(key)? {
            None => Ok(None),
            Some(_) => self.duration(key).map(Some),
        }
    }

    /// Returns how long something may take: more than nothing and at most a day, or the default when the key is missing.
    pub fn time_limit(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        let invalid = |what| Err(ConfigError::invalid(&self.full_key(key), what));
        match self.optional_duration(key)? {
            Some(Duration::ZERO) => invalid("must be longer than zero"),
            Some(given) if given > LONGEST_LIMIT => invalid("must not be longer than a day"),
            given => Ok(given.unwrap_or(default)),
        }
    }

    fn duration_text(&self, key: &str) -> Result<f64, ConfigError> {
        let text = self.string(key)?;
        let text = js::trim(&text);
        let millis = if text.starts_with('P') {
            iso::millis(text)
        } else {
            millis_with_unit(text)
        };
        millis.map_err(|why| {
            let key = self.full_key(key);
            // Backstage repeats the text here; we do not, because a secret may stand under the wrong key.
            ConfigError::new(format!("Invalid duration in config at '{key}', Error: {why}"))
        })
    }

    fn duration_object(&self, key: &str) -> Result<f64, ConfigError> {
        let (given, keys) = self.duration_units(key).map_err(|error| {
            ConfigError::new(format!(
                "Failed to read duration from config, {}",
                error.with_class()
            ))
        })?;
        let known = UNITS.map(|(unit, _)| format!("'{unit}'")).join(", ");
        let unknown: Vec<_> = keys
            .iter()
            .filter(|key| UNITS.iter().all(|(unit, _)| unit != key))
            .collect();
        let problem = if given.is_empty() {
            format!("Needs one or more of {known}")
        } else if !unknown.is_empty() {
            let what = if unknown.len() == 1 {
                "property"
            } else {
                "properties"
            };
            let bad: Vec<_> = unknown.iter().map(|key| format!("'{key}'")).collect();
            format!(
                "Unknown {what} {}; expected one or more of {known}",
                bad.join(", ")
            )
        } else {
            return Ok(given.iter().sum());
        };
        let key = self.full_key(key);
        Err(ConfigError::new(format!(
            "Failed to read duration from config at '{key}', Error: {problem}"
        )))
    }

    /// The milliseconds of each unit given, and all keys of the object.
    fn duration_units(&self, key: &str) -> Result<(Vec<f64>, Vec<String>), ConfigError> {
        let root = self.rooted(self.mappings(key)?, key);
        let mut given = Vec::new();
        for (unit, length) in UNITS {
            given.extend(root.optional_number(unit)?.map(|count| count * length));
        }
        Ok((given, root.keys()))
    }
}

/// Reads a number with a unit, as the `ms` package does, and splits it into calendar units as Backstage does.
fn millis_with_unit(text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Err("val is not a non-empty string or a valid number. val=\"\"".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(
            "The value cannot be a plain number; try adding a unit like 'ms' or 'seconds'".to_owned(),
        );
    }
    let millis = ms(text).filter(|millis| millis.is_finite());
    let millis = millis
        .ok_or("Not a valid duration string, try a number followed by a unit such as '1d' or '2 seconds'")?;
    if millis < 0.0 {
        return Err("Negative durations are not allowed".to_owned());
    }
    // The years counted off are 365.25 days long and come back as 365.
    let years = (millis / MS_YEAR).floor();
    Ok(millis - years * MS_YEAR + years * 365.0 * DAY)
}

/// `^(-?(?:\d+)?\.?\d+) *(unit)?$` of the `ms` package; no unit is milliseconds.
fn ms(text: &str) -> Option<f64> {
    if text.len() > MS_MAX_LENGTH {
        return None;
    }
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let digits = number.strip_prefix('-').unwrap_or(number);
    let well_formed = digits.ends_with(|c: char| c.is_ascii_digit()) && !digits.contains('-');
    let number: f64 = if well_formed {
        number.parse().ok()?
    } else {
        return None;
    };
    Some(number * unit_length(&unit.trim_start_matches(' ').to_ascii_lowercase())?)
}

fn unit_length(unit: &str) -> Option<f64> {
    Some(match unit {
        "years" | "year" | "yrs" | "yr" | "y" => MS_YEAR,
        "weeks" | "week" | "w" => 7.0 * DAY,
        "days" | "day" | "d" => DAY,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3_600_000.0,
        "minutes" | "minute" | "mins" | "min" | "m" => 60_000.0,
        "seconds" | "second" | "secs" | "sec" | "s" => 1000.0,
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" | "" => 1.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layer, value::Object};

    #[test]
    fn a_text_that_is_no_duration_is_not_repeated() {
        for text in ["hunter2", "P-hunter2", "-8731s", "8731"] {
            let data = Object::from([("timeout".to_owned(), Value::String(text.to_owned()))]);
            let context = "app-config.yaml".to_owned();
            let reader = ConfigReader::new(vec![Layer { context, data }]);
            let problem = reader.duration("timeout").unwrap_err().to_string();
            assert!(
                problem.starts_with("Invalid duration in config at 'timeout', "),
                "{problem}"
            );
            assert!(!problem.contains(text), "{problem}");
        }
    }

    #[test]
    fn a_number_needs_a_unit_or_at_least_a_dot() {
        for (text, millis) in [
            ("30s", 30_000.0),
            ("2 Days", 172_800_000.0),
            ("1.5h", 5_400_000.0),
            (".5s", 500.0),
            ("1.5", 1.5),
            ("0s", 0.0),
            ("1y", 365.0 * DAY),
            ("2 years", 730.0 * DAY),
        ] {
            assert_eq!(millis_with_unit(text), Ok(millis), "{text}");
        }
        for text in [
            "30",
            "soon",
            "",
            "-5s",
            "1.s",
            "1 2s",
            "1.2.3s",
            "s",
            "1e3s",
            &"1".repeat(101),
        ] {
            assert!(millis_with_unit(text).is_err(), "{text}");
        }
    }
}
