//! What a scalar stands for under YAML 1.2's core schema.

use super::{Dialect, scalar11};
use crate::config::{js, value::Value};

/// The type a tag asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    /// No tag, plain style: whatever the text looks like.
    Resolved,
    /// Quoted, block style, or a tag that is not of the core schema.
    Text,
    /// A core tag such as `int`; the text must look like it, else it stays text.
    Core(&'a str),
}

/// Returns the value of a scalar.
pub(super) fn resolve(text: String, wanted: Wanted<'_>, dialect: Dialect) -> Value {
    let found = match wanted {
        Wanted::Text => None,
        Wanted::Resolved => any(&text, dialect),
        Wanted::Core(tag) => of_type(tag, &text, dialect),
    };
    found.unwrap_or(Value::String(text))
}

/// The same for manifests: an integer that a double would round stays what it is.
pub(super) fn resolve_exactly(text: String, wanted: Wanted<'_>, dialect: Dialect) -> Value {
    let large = match wanted {
        Wanted::Resolved | Wanted::Core("int") => large(&text, dialect),
        Wanted::Text | Wanted::Core(_) => None,
    };
    large.unwrap_or_else(|| resolve(text, wanted, dialect))
}

/// An integer as the dialect writes them, if it is large.
fn large(text: &str, dialect: Dialect) -> Option<Value> {
    match dialect {
        Dialect::Core => integer(text)?,
        Dialect::Yaml11 => scalar11::integer(text)?,
    };
    let digits = match dialect {
        Dialect::Core => unsigned(text).to_owned(),
        Dialect::Yaml11 => unsigned(text).replace('_', ""),
    };
    let radix = |prefix, radix| Some(i128::from_str_radix(digits.strip_prefix(prefix)?, radix).ok());
    let octal = || match dialect {
        Dialect::Core => radix("0o", 8),
        Dialect::Yaml11 => radix("0", 8).filter(Option::is_some),
    };
    let prefixed = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(octal);
    let number = prefixed.unwrap_or_else(|| digits.parse().ok())?;
    Value::of_large(if text.starts_with('-') { -number } else { number })
}

fn any(text: &str, dialect: Dialect) -> Option<Value> {
    ["null", "bool", "int", "float"]
        .into_iter()
        .find_map(|tag| of_type(tag, text, dialect))
}

fn of_type(tag: &str, text: &str, dialect: Dialect) -> Option<Value> {
    match (tag, dialect) {
        ("null", _) => is_null(text).then_some(Value::Null),
        ("bool", Dialect::Core) => boolean(text).map(Value::Bool),
        ("bool", Dialect::Yaml11) => scalar11::boolean(text).map(Value::Bool),
        ("int", Dialect::Core) => integer(text).map(Value::Number),
        ("int", Dialect::Yaml11) => scalar11::integer(text).map(Value::Number),
        ("float", Dialect::Core) => float(text).map(Value::Number),
        ("float", Dialect::Yaml11) => scalar11::float(text).map(Value::Number),
        _ => None,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0o") {
        return js::integer(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return js::integer(digits, 16);
    }
    let digits = unsigned(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { js::decimal(text) } else { None }
}

/// Floats have a dot or an exponent: `!!float 3` stays text, as it does for npm `yaml`.
fn float(text: &str) -> Option<f64> {
    let has_mark = text.contains(['.', 'e', 'E']);
    special(text).or_else(|| if has_mark { js::decimal(text) } else { None })
}

/// The words for infinity and not-a-number, the same in both dialects.
pub(super) fn special(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    match unsigned(text) {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        _ => None,
    }
}

/// The text without its sign, if it has one.
pub(super) fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(text: &str) -> Value {
        resolve(text.to_owned(), Wanted::Resolved, Dialect::Core)
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, number) in [
            ("014", 14.0),
            ("0o14", 12.0),
            ("0x1F", 31.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("-.INF", f64::NEG_INFINITY),
            ("1e400", f64::INFINITY),
            ("+12", 12.0),
        ] {
            assert_eq!(core(text), Value::Number(number), "{text}");
        }
        for text in [
            "0b11",
            "1_000",
            "1:30",
            "0XFF",
            "-0x10",
            "0o9",
            "yes",
            "inf",
            "e3",
            "2024-01-31",
            "-",
            ".",
        ] {
            assert_eq!(core(text), Value::String(text.to_owned()), "{text}");
        }
        assert_eq!(core("~"), Value::Null);
        assert_eq!(core("True"), Value::Bool(true));
    }

    #[test]
    fn an_integer_that_a_double_would_round_stays_what_it_is_in_a_manifest() {
        let exactly = |text: &str, dialect| resolve_exactly(text.to_owned(), Wanted::Resolved, dialect);
        for (text, number) in [
            ("9007199254740993", 9_007_199_254_740_993_i128),
            ("-9007199254740993", -9_007_199_254_740_993),
            ("+9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", i128::from(i64::MAX)),
            ("-9223372036854775808", i128::from(i64::MIN)),
            ("18446744073709551615", i128::from(u64::MAX)),
            ("0x20000000000001", 9_007_199_254_740_993),
        ] {
            for dialect in [Dialect::Core, Dialect::Yaml11] {
                assert_eq!(exactly(text, dialect), Value::Integer(number), "{text}");
            }
        }
        let of_1_1 = [
            "0b100000000000000000000000000000000000000000000000000001",
            "0400000000000000001",
            "9_007_199_254_740_993",
        ];
        for text in of_1_1 {
            assert_eq!(
                exactly(text, Dialect::Yaml11),
                Value::Integer(9_007_199_254_740_993),
                "{text}"
            );
        }
        assert_eq!(
            exactly("0o400000000000000001", Dialect::Core),
            Value::Integer(9_007_199_254_740_993)
        );
        assert_eq!(
            exactly("09007199254740993", Dialect::Core),
            Value::Integer(9_007_199_254_740_993)
        );
        for text in [
            "9007199254740991",
            "18446744073709551616",
            "1e300",
            "9007199254740993.0",
            "12",
        ] {
            assert!(matches!(exactly(text, Dialect::Core), Value::Number(_)), "{text}");
        }
        assert!(matches!(
            exactly("9007199254740993x", Dialect::Core),
            Value::String(_)
        ));
    }

    #[test]
    fn a_core_tag_forces_only_what_looks_like_its_type() {
        let tagged = |tag, text: &str| resolve(text.to_owned(), Wanted::Core(tag), Dialect::Core);
        assert_eq!(tagged("int", "12"), Value::Number(12.0));
        assert_eq!(tagged("float", "3"), Value::String("3".to_owned()));
        assert_eq!(tagged("str", "12"), Value::String("12".to_owned()));
        assert_eq!(tagged("null", ""), Value::Null);
    }
}
