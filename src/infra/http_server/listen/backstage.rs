//! `backend.listen` as Backstage reads it: JavaScript's `parseInt` of what stands around one colon.

use super::ListenAddress;
use crate::config::{ConfigError, ConfigReader, Value};

/// Reads the key; the port is this one where none is written.
pub(super) fn read(
    config: &ConfigReader,
    key: &str,
    default_port: u16,
) -> Result<ListenAddress, ConfigError> {
    if let Some(Value::String(text)) = config.get(key)? {
        return parse(&text).map_err(|reason| unusable(key, reason));
    }
    let host_key = format!("{key}.host");
    let host = match config.get(&host_key)? {
        // The getter refuses an empty string, which here means every interface.
        Some(Value::String(text)) => text,
        _ => config.optional_string(&host_key)?.unwrap_or_default(),
    };
    let port = config.optional_number(&format!("{key}.port"))?;
    let port = port_number(port.unwrap_or(f64::from(default_port)))
        .map_err(|reason| unusable(&format!("{key}.port"), reason))?;
    Ok(ListenAddress::by_backstage(host, port))
}

/// Understands `7007`, `:7007` and `host:7007`; what follows the digits is ignored.
pub(super) fn parse(text: &str) -> Result<ListenAddress, &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, port) = match parts.as_slice() {
        [port] => ("", leading_integer(port)),
        [host, port] => (*host, leading_integer(port)),
        _ => ("", None),
    };
    let port = port.ok_or("expected <port> or <host>:<port>")?;
    Ok(ListenAddress::by_backstage(
        host.to_owned(),
        port_number(port as f64)?,
    ))
}

/// JavaScript's `parseInt`.
fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(digits.len());
    digits.get(..end)?.parse::<i64>().ok().map(|number| sign * number)
}

fn port_number(number: f64) -> Result<u16, &'static str> {
    if number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&number) {
        return Ok(number as u16);
    }
    Err("the port must be from 0 to 65535")
}

/// Names the key and not its value: values stay out of messages.
fn unusable(key: &str, reason: &str) -> ConfigError {
    ConfigError::new(format!("Unable to parse the listen address of `{key}`, {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backstage_spellings_are_understood() {
        for (text, host, port) in [
            ("7007", "", 7007),
            (":7008", "", 7008),
            ("localhost:7007", "localhost", 7007),
            ("7007x", "", 7007),
            ("127.0.0.1", "", 127),
            ("0.0.0.0", "", 0),
            ("0x1bc5", "", 0),
            ("0.0.0.0: 80 ", "0.0.0.0", 80),
        ] {
            let expected = ListenAddress::by_backstage(host.to_owned(), port);
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "x", "[::]:7007", "a:b", ":", "70000", "-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
