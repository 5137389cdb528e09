//! JSON without numbers that are not what was written, from YAML or from JSON.

use serde_json::{Map, Value};

use super::object_ref::Invalid;
use crate::config::Value as Yaml;

/// From here on a double, which YAML 1.2 and JavaScript make of every number, may be another number than was written.
const FIRST_INEXACT: u64 = 1 << 53;

/// Turns what YAML says into JSON; the path is where it stands, for messages.
pub(in crate::plugins::ske) fn json_of(value: Yaml, path: &str) -> Result<Value, Invalid> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => double(number, path)?,
        Yaml::String(text) => text.into(),
        Yaml::Array(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| json_of(item, &format!("{path}[{index}]")));
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        Yaml::Object(entries) => {
            let mut fields = Map::with_capacity(entries.len());
            for (key, entry) in entries {
                refuse_merge(&key, path)?;
                let entry = json_of(entry, &below(path, &key))?;
                fields.insert(key, entry);
            }
            fields.into()
        }
    })
}

/// YAML 1.2 has no merge keys; the API server would drop the field and with it all that was meant to be merged.
fn refuse_merge(key: &str, path: &str) -> Result<(), Invalid> {
    if key == "<<" {
        let path = below(path, key);
        return Err(Invalid(format!(
            "'{path}' is no merge key in YAML 1.2; write the fields out"
        )));
    }
    Ok(())
}

/// Checks the numbers of JSON as those of YAML, so that both forms of one manifest mean the same.
fn exact(value: Value, path: &str) -> Result<Value, Invalid> {
    Ok(match value {
        Value::Number(number) => {
            let magnitude = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            match (magnitude, number.as_f64()) {
                (Some(magnitude), _) if magnitude < FIRST_INEXACT => Value::Number(number),
                (Some(_), _) | (None, None) => return Err(inexact(path)),
                (None, Some(number)) => double(number, path)?,
            }
        }
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| exact(item, &format!("{path}[{index}]")));
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Object(entries) => exact_fields(entries, path)?.into(),
        other => other,
    })
}

pub(super) fn exact_fields(entries: Map<String, Value>, path: &str) -> Result<Map<String, Value>, Invalid> {
    let mut fields = Map::with_capacity(entries.len());
    for (key, entry) in entries {
        let entry = exact(entry, &below(path, &key))?;
        fields.insert(key, entry);
    }
    Ok(fields)
}

fn double(number: f64, path: &str) -> Result<Value, Invalid> {
    if number.fract() != 0.0 && number.is_finite() {
        return Ok(number.into());
    }
    // Also infinities and NaN, whose fraction is NaN or which exceed the bound.
    if number.is_finite() && number.abs() < FIRST_INEXACT as f64 {
        return Ok((number as i64).into());
    }
    Err(inexact(path))
}

fn inexact(path: &str) -> Invalid {
    Invalid(format!(
        "the number at {path} cannot be passed on exactly; put it in quotes if the field takes text"
    ))
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::yaml;

    fn from_yaml(text: &str) -> Result<String, String> {
        let value = yaml::parse(text.as_bytes()).unwrap().unwrap();
        json_of(value, "")
            .map(|json| json.to_string())
            .map_err(|problem| problem.to_string())
    }

    fn from_json(value: Value) -> Result<String, String> {
        let Value::Object(fields) = json!({ "n": value }) else {
            unreachable!()
        };
        let exact = exact_fields(fields, "").map_err(|problem| problem.to_string())?;
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
            ("9007199254740991", "9007199254740991"),
            ("-9007199254740991", "-9007199254740991"),
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
            "9007199254740993",
            "9007199254740992",
            "-9007199254740993",
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
        for number in [
            json!(9_007_199_254_740_993_u64),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e300),
        ] {
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
    fn words_of_yaml_1_1_stay_text() {
        assert_eq!(
            from_yaml("[yes, on, 1_000, '1', ~, True]").unwrap(),
            r#"["yes","on","1_000","1",null,true]"#
        );
    }
}
