//! What differs under YAML 1.1: more booleans, more ways to write integers, underscores.
//!
//! Sixty-based numbers, timestamps and binary are left out: nothing we read uses them.

use super::scalar::{special, unsigned};
use crate::config::js;

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "Yes" | "yes" | "YES" | "true" | "True" | "TRUE" | "On" | "on" | "ON" => Some(true),
        "N" | "n" | "No" | "no" | "NO" | "false" | "False" | "FALSE" | "Off" | "off" | "OFF" => Some(false),
        _ => None,
    }
}

pub(super) fn integer(text: &str) -> Option<f64> {
    let digits = unsigned(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = |digits: &str, radix| js::integer(&digits.replace('_', ""), radix);
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        number(binary, 2)
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        number(hexadecimal, 16)
    } else {
        let octal = digits.strip_prefix('0').and_then(|octal| number(octal, 8));
        octal.or_else(|| decimal(digits))
    }?;
    Some(if text.starts_with('-') { -value } else { value })
}

fn decimal(digits: &str) -> Option<f64> {
    let digits = digits.replace('_', "");
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { js::decimal(&digits) } else { None }
}

pub(super) fn float(text: &str) -> Option<f64> {
    if let Some(value) = special(text) {
        return Some(value);
    }
    let first = unsigned(text);
    let starts = first.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    // An underscore in the exponent makes it text.
    let exponent = text.split_once(['e', 'E']).map_or("", |(_, exponent)| exponent);
    if starts && text.contains(['.', 'e', 'E']) && !exponent.contains('_') {
        js::decimal(&text.replace('_', ""))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_may_be_binary_octal_and_grouped() {
        for (text, number) in [
            ("0b11", 3.0),
            ("014", 12.0),
            ("0644", 420.0),
            ("1_000", 1000.0),
            ("-0x10", -16.0),
            ("09", 9.0),
            ("0", 0.0),
        ] {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        assert_eq!(integer("0o14"), None);
        assert_eq!(integer("_1"), None);
    }

    #[test]
    fn floats_may_be_grouped() {
        assert_eq!(float("1_000.5"), Some(1000.5));
        assert_eq!(float("1e3"), Some(1000.0));
        assert_eq!(float("e3"), None);
        assert_eq!(float("."), None);
    }
}
