//! JSON without numbers that are not what was written, from YAML or from JSON.

use serde_json::{Map, Number, Value};

use super::object_ref::Invalid;
use crate::config::Value as Yaml;

/// From here on a double, which YAML 1.2 and JavaScript make of every number, may be another number than was written.
const FIRST_INEXACT: u64 = 1 << 53;

/// The key that merges in YAML 1.1.
const MERGE: &str = "<<";

/// Longest part of a path that is repeated, in characters: the caller chose it.
const LONGEST_STEP: usize = 64;

/// Something that would not arrive as it was written.
#[derive(Debug)]
struct Misfit {
    why: Why,
    /// Where, from the inside out; put together on the way up, so that what fits costs nothing.
    path: String,
}

#[derive(Debug)]
enum Why {
    Inexact,
    /// YAML 1.2 has no merge keys, and readers of YAML 1.1 would merge, whatever was meant.
    Merge,
}

/// Turns what YAML says into JSON.
pub(in crate::plugins::ske) fn json_of(value: Yaml) -> Result<Value, Invalid> {
    converted(value).map_err(Invalid::from)
}

/// Checks the fields of an object that came as JSON like those of YAML, so that both forms of one manifest mean the same.
pub(super) fn exact_fields(entries: Map<String, Value>) -> Result<Map<String, Value>, Invalid> {
    fields(entries.into_iter(), exact).map_err(Invalid::from)
}

fn converted(value: Yaml) -> Result<Value, Misfit> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => double(number)?,
        Yaml::Integer(number) => Number::from_i128(number).ok_or(Misfit::new(Why::Inexact))?.into(),
        Yaml::String(text) => text.into(),
        Yaml::Array(items) => list(items.into_iter(), converted)?.into(),
        Yaml::Object(entries) => fields(entries.into_iter(), converted)?.into(),
    })
}

fn exact(value: Value) -> Result<Value, Misfit> {
    Ok(match value {
        Value::Number(number) => {
            if number.is_i64() || number.is_u64() {
                return Ok(number.into());
            }
            double(number.as_f64().unwrap_or(f64::NAN))?
        }
        Value::Array(items) => list(items.into_iter(), exact)?.into(),
        Value::Object(entries) => fields(entries.into_iter(), exact)?.into(),
        other => other,
    })
}

fn list<T>(
    items: impl Iterator<Item = T>,
    one: fn(T) -> Result<Value, Misfit>,
) -> Result<Vec<Value>, Misfit> {
    let one = |(index, item)| one(item).map_err(|misfit: Misfit| misfit.at(&format!("[{index}]")));
    items.enumerate().map(one).collect()
}

fn fields<T>(
    entries: impl Iterator<Item = (String, T)>,
    one: fn(T) -> Result<Value, Misfit>,
) -> Result<Map<String, Value>, Misfit> {
    let mut fields = Map::with_capacity(entries.size_hint().0);
    for (key, entry) in entries {
        if key == MERGE {
            return Err(Misfit::new(Why::Merge).at(MERGE));
        }
        match one(entry) {
            Ok(value) => drop(fields.insert(key, value)),
            Err(misfit) => return Err(misfit.at(&key)),
        }
    }
    Ok(fields)
}

fn double(number: f64) -> Result<Value, Misfit> {
    if number.fract() != 0.0 && number.is_finite() {
        return Ok(number.into());
    }
    // Also infinities and NaN, whose fraction is NaN or which exceed the bound.
    if number.is_finite() && number.abs() < FIRST_INEXACT as f64 {
        return Ok((number as i64).into());
    }
    Err(Misfit::new(Why::Inexact))
}

impl Misfit {
    fn new(why: Why) -> Self {
        let path = String::new();
        Self { why, path }
    }

    /// The same, one level up.
    fn at(mut self, step: &str) -> Self {
        let step: String = step.chars().take(LONGEST_STEP).collect();
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl From<Misfit> for Invalid {
    fn from(Misfit { why, path }: Misfit) -> Self {
        Self(match why {
            Why::Inexact => format!(
                "the number at {path} cannot be passed on exactly; put it in quotes if the field takes text"
            ),
            Why::Merge => {
                format!("'{path}' would merge fields to some readers and not to others; write the fields out")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::yaml;

    fn from_yaml(text: &str) -> Result<String, String> {
        let value = yaml::parse_manifests(text).unwrap().remove(0);
        json_of(value)
            .map(|json| json.to_string())
            .map_err(|problem| problem.to_string())
    }

    fn from_json(value: Value) -> Result<String, String> {
        let Value::Object(fields) = json!({ "n": value }) else {
            unreachable!()
        };
        let exact = exact_fields(fields).map_err(|problem| problem.to_string())?;
        Ok(exact["n"].to_string())
    }

    #[test]
    fn whole_numbers_become_integers_and_others_stay() {
        for (text, number) in [
            ("80", "80"),
            ("80.0", "80"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("0.5", "0.5"),
            ("014", "14"),
            ("0o14", "12"),
            ("9007199254740993", "9007199254740993"),
            ("-9007199254740993", "-9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(
                from_yaml(&format!("n: {text}")).unwrap(),
                format!("{{\"n\":{number}}}"),
                "{text}"
            );
        }
        assert_eq!(from_json(json!(80.0)).unwrap(), "80");
        assert_eq!(from_json(json!(-7)).unwrap(), "-7");
        assert_eq!(from_json(json!(0.25)).unwrap(), "0.25");
    }

    #[test]
    fn a_number_that_would_arrive_as_another_is_refused_with_its_place() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "9007199254740993.0",
            "1e300",
            ".inf",
            "-.inf",
            ".nan",
        ] {
            let problem = from_yaml(&format!("a: {{b: [0, {text}]}}")).unwrap_err();
            assert!(
                problem.contains("a.b[1]") && problem.contains("quotes"),
                "{text}: {problem}"
            );
        }
        for number in [json!(9_007_199_254_740_993_u64), json!(u64::MAX), json!(i64::MIN)] {
            assert_eq!(from_json(number.clone()).unwrap(), number.to_string());
        }
        for number in [json!(1e300), json!(2f64.powi(53))] {
            assert!(
                from_json(number.clone()).unwrap_err().contains("at n "),
                "{number}"
            );
        }
    }

    #[test]
    fn a_merge_key_is_refused_because_it_would_merge_nothing() {
        let problem = from_yaml("a: &a {x: 1}\nb: {<<: *a}").unwrap_err();
        assert!(problem.contains("'b.<<'"), "{problem}");
    }

    #[test]
    fn a_merge_key_is_refused_in_json_too_however_it_is_quoted() {
        for text in ["a: {'<<': {x: 1}}", "a: {\"<<\": 1}", "a: {!!str <<: 1}"] {
            let problem = from_yaml(text).unwrap_err();
            assert!(problem.contains("'a.<<'"), "{text}: {problem}");
        }
        let problem = from_json(json!([{ "<<": {} }])).unwrap_err();
        assert!(problem.contains("'n[0].<<'"), "{problem}");
    }

    #[test]
    fn the_path_of_a_misfit_is_short_whatever_the_keys_are() {
        let problem = from_json(json!({ "k".repeat(50_000): [[f64::MAX]] })).unwrap_err();
        assert!(problem.len() < 200 && problem.contains("kkk[0][0]"), "{problem}");
    }

    #[test]
    fn words_of_yaml_1_1_stay_text() {
        assert_eq!(
            from_yaml("[yes, on, 1_000, '1', ~, True]").unwrap(),
            r#"["yes","on","1_000","1",null,true]"#
        );
    }
}
