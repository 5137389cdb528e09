//! ISO 8601 durations, as Backstage reads them.

use super::duration::UNITS;

/// Digits a number may have.
const MAX_DIGITS: usize = 20;

/// Reads `P1DT2H`, in milliseconds. The text begins with `P`.
pub(super) fn millis(text: &str) -> Result<f64, String> {
    let parts = parse(text).ok_or(
        "Invalid ISO format, expected a value similar to 'P2DT6H' (2 days 6 hours) or 'PT1M' (1 minute)",
    )?;
    if parts.is_empty() {
        return Err("Invalid ISO format, no values given".to_owned());
    }
    Ok(parts.iter().sum())
}

/// The milliseconds of each part, or `None` where the text does not fit the format.
fn parse(text: &str) -> Option<Vec<f64>> {
    let text = text.strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    let mut parts = Vec::new();
    let rest = units(date, &["Y", "M", "W", "D"], 0, &mut parts)?;
    let seconds = units(time, &["H", "M"], 4, &mut parts)?;
    (rest.is_empty() && self::seconds(seconds, &mut parts).is_some()).then_some(parts)
}

/// Takes the letters in order from the front; each may be missing. Returns what is left.
fn units<'t>(text: &'t str, letters: &[&str], first_unit: usize, parts: &mut Vec<f64>) -> Option<&'t str> {
    let mut rest = text;
    for (letter, (_, length)) in letters.iter().zip(UNITS.iter().skip(first_unit)) {
        if let Some((number, after)) = rest.split_once(letter).filter(|(number, _)| is_number(number)) {
            parts.push(number.parse::<f64>().ok()? * length);
            rest = after;
        }
    }
    Some(rest)
}

fn seconds(text: &str, parts: &mut Vec<f64>) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    let number = text.strip_suffix('S')?;
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    if !is_integer(whole) || !is_integer(fraction) {
        return None;
    }
    // JavaScript reads "0.-5" as zero, and rounds the fraction down to whole milliseconds.
    let fraction: f64 = format!("0.{fraction}").parse().unwrap_or(0.0);
    let millis = (fraction * 1000.0).floor();
    parts.push(whole.parse::<f64>().ok()? * 1000.0);
    parts.push(if whole.starts_with('-') { -millis } else { millis });
    Some(())
}

fn is_number(text: &str) -> bool {
    match text.split_once('.') {
        Some((whole, fraction)) => is_integer(whole) && is_integer(fraction) && !fraction.starts_with('-'),
        None => is_integer(text),
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn parts_add_up() {
        for (text, expected) in [
            ("PT1M30S", 90_000.0),
            ("P1DT2H", 93_600_000.0),
            ("P1M", 2_592_000_000.0),
            ("PT0S", 0.0),
            ("PT1.25S", 1250.0),
            ("PT0.5H", 1_800_000.0),
            ("P1W", 604_800_000.0),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "P", "PT", "P1H", "PT1D", "P1", "PT1M1H", "P1.5", "P1D2", "PTT1S", "P 1D",
        ] {
            assert!(millis(text).is_err(), "{text}");
        }
    }
}
