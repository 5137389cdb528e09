//! The few rules of JavaScript that app-config depends on: trimming, number texts and key order.

use super::value::{Object, Value};

/// Texts from this size on are printed with an exponent, as ECMAScript's Number::toString does.
const EXPONENT_FROM: f64 = 1e21;
/// Texts below this size are printed with an exponent.
const EXPONENT_BELOW: f64 = 1e-6;

/// Whether JavaScript's `trim` removes the character: Unicode white space, but not U+0085, and U+FEFF besides.
fn is_space(character: char) -> bool {
    (character.is_whitespace() && character != '\u{85}') || character == '\u{feff}'
}

/// Trims as JavaScript's `String.prototype.trim`.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Trims as JavaScript's `String.prototype.trimEnd`.
pub(super) fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// Parses a decimal number as both YAML's core schema and JavaScript write it; no `inf`, `nan` or other words.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if starts && plain { text.parse().ok() } else { None }
}

/// Converts as JavaScript's `Number()`; `None` is NaN.
pub(super) fn to_number(text: &str) -> Option<f64> {
    let text = trim(text);
    if text.is_empty() {
        return Some(0.0);
    }
    match text.trim_start_matches(['+', '-']) {
        "Infinity" if text.len() <= "+Infinity".len() => {
            return Some(if text.starts_with('-') {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            });
        }
        _ => {}
    }
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return integer(digits, radix);
        }
    }
    decimal(text)
}

/// Reads unsigned digits of a radix that is a power of two; the result is rounded once, as V8 does.
pub(super) fn integer(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    let mut high: u128 = 0;
    let mut scale = 1.0;
    for digit in digits.chars() {
        let digit = u128::from(digit.to_digit(radix)?);
        if high >> 120 == 0 {
            high = high * u128::from(radix) + digit;
        } else {
            // Far below the 53 bits that count; a remainder only has to break a tie.
            high |= u128::from(digit != 0);
            scale *= f64::from(radix);
        }
    }
    Some(high as f64 * scale)
}

/// Prints a number as JavaScript's `String()` does.
pub(super) fn number_text(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if number == 0.0 {
        "0".to_owned()
    } else if (EXPONENT_BELOW..EXPONENT_FROM).contains(&size) {
        format!("{number}")
    } else {
        let text = format!("{number:e}");
        if size >= EXPONENT_FROM {
            text.replace('e', "e+")
        } else {
            text
        }
    }
}

/// Puts keys that are array indices first and in ascending order, where a JavaScript object keeps them.
pub(super) fn order_keys(object: &mut Object) {
    if object.keys().any(|key| array_index(key).is_some()) {
        let index = |key: &String| array_index(key).unwrap_or(u32::MAX);
        object.sort_by(|left, _: &Value, right, _| index(left).cmp(&index(right)));
    }
}

fn array_index(key: &str) -> Option<u32> {
    let canonical = key == "0" || (key.starts_with(|c: char| matches!(c, '1'..='9')));
    let digits = canonical && key.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        key.parse().ok().filter(|index| *index < u32::MAX)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming_follows_javascript_and_not_unicode() {
        assert_eq!(trim("\u{feff}\u{a0}x\u{2028}\u{3000}"), "x");
        assert_eq!(trim("\u{85}x\u{200b}"), "\u{85}x\u{200b}");
    }

    #[test]
    fn number_converts_what_javascript_converts() {
        for (text, number) in [
            ("0x10", 16.0),
            (" 12 ", 12.0),
            ("", 0.0),
            ("1e3", 1000.0),
            ("0b11", 3.0),
            (".5", 0.5),
        ] {
            assert_eq!(to_number(text), Some(number), "{text:?}");
        }
        for text in [
            "12px",
            "inf",
            "nan",
            "1_000",
            "-0x10",
            "0x",
            "1e",
            ".",
            "--Infinity",
        ] {
            assert_eq!(to_number(text), None, "{text:?}");
        }
        assert_eq!(to_number("-Infinity"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        for (number, text) in [
            (1.0, "1"),
            (2.5, "2.5"),
            (-0.0, "0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (1e-6, "0.000001"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn large_hexadecimal_numbers_are_rounded_once() {
        assert_eq!(integer("20000000000001", 16), Some(9_007_199_254_740_992.0));
        assert_eq!(integer("20000000000003", 16), Some(9_007_199_254_740_996.0));
        assert_eq!(integer(&format!("1{}", "0".repeat(40)), 16), Some(2f64.powi(160)));
    }

    #[test]
    fn index_keys_come_first() {
        let mut object: Object = ["b", "10", "a", "2", "01"]
            .map(|key| (key.to_owned(), Value::Null))
            .into();
        order_keys(&mut object);
        assert_eq!(object.keys().collect::<Vec<_>>(), ["2", "10", "b", "a", "01"]);
    }
}
