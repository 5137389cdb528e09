//! Where to listen: `--listen`, else `stagedoor.listen`, else `backend.listen`, else every interface on 7007.

use std::io;

use tokio::net::TcpListener;

use crate::config::{ConfigError, ConfigReader, Value};

/// Backstage's default port.
const DEFAULT_PORT: u16 = 7007;

/// A host and port to listen on; an empty host is every interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or address as it was written, without brackets.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
}

/// Why the address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error(
        "{address} is already in use; set `stagedoor.listen` (or --listen) to a free address, \
         since `backend.listen` is where Backstage itself listens"
    )]
    Taken {
        /// What was asked for.
        address: String,
    },
    /// Anything else.
    #[error("could not listen on {address}; check `stagedoor.listen`")]
    Failed {
        /// What was asked for.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ListenAddress {
    /// Chooses the address; `argument` is the value of `--listen`.
    pub fn read(config: &ConfigReader, argument: Option<&str>) -> Result<Self, ConfigError> {
        if let Some(text) = argument {
            return Self::parse(text).map_err(|reason| {
                ConfigError::new(format!(
                    "Unable to parse listen address {text} of --listen, {reason}"
                ))
            });
        }
        if config.has("stagedoor.listen") {
            return Self::read_key(config, "stagedoor.listen");
        }
        Self::read_key(config, "backend.listen")
    }

    /// Understands `7007`, `:7007` and `host:7007`; what follows the digits is ignored, as in Backstage.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = text.split(':').collect();
        let (host, port) = match parts.as_slice() {
            [port] => ("", leading_integer(port)),
            [host, port] => (*host, leading_integer(port)),
            _ => ("", None),
        };
        let port = port.ok_or("expected <port> or <host>:<port>")?;
        Ok(Self {
            host: host.to_owned(),
            port: port_number(port as f64)?,
        })
    }

    /// Returns `host:port` for reaching this service from its own machine.
    pub fn local_authority(&self) -> String {
        let host = match self.host.as_str() {
            "" | "::" => "localhost".to_owned(),
            "0.0.0.0" => "127.0.0.1".to_owned(),
            address if address.contains(':') => format!("[{address}]"),
            name => name.to_owned(),
        };
        format!("{host}:{}", self.port)
    }

    /// Opens the listener.
    pub async fn bind(&self) -> Result<TcpListener, ListenError> {
        self.try_bind().await.map_err(|source| {
            let address = format!("{}:{}", self.host, self.port);
            match source.kind() {
                io::ErrorKind::AddrInUse => ListenError::Taken { address },
                _ => ListenError::Failed { address, source },
            }
        })
    }

    async fn try_bind(&self) -> io::Result<TcpListener> {
        if !self.host.is_empty() {
            return TcpListener::bind((self.host.as_str(), self.port)).await;
        }
        match TcpListener::bind(("::", self.port)).await {
            // A machine without IPv6.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind(("0.0.0.0", self.port)).await
            }
            bound => bound,
        }
    }

    fn read_key(config: &ConfigReader, key: &str) -> Result<Self, ConfigError> {
        if let Some(Value::String(text)) = config.get(key)? {
            return Self::parse(&text).map_err(|reason| unusable(key, reason));
        }
        let host_key = format!("{key}.host");
        let host = match config.get(&host_key)? {
            // The getter refuses an empty string, which here means every interface.
            Some(Value::String(text)) => text,
            _ => config.optional_string(&host_key)?.unwrap_or_default(),
        };
        let port = config.optional_number(&format!("{key}.port"))?;
        Ok(Self {
            host,
            port: port_number(port.unwrap_or(f64::from(DEFAULT_PORT)))
                .map_err(|reason| unusable(&format!("{key}.port"), reason))?,
        })
    }
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

/// Names the key and not its value: values stay out of messages.
fn unusable(key: &str, reason: &str) -> ConfigError {
    ConfigError::new(format!("Unable to parse the listen address of `{key}`, {reason}"))
}

fn port_number(number: f64) -> Result<u16, &'static str> {
    if number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&number) {
        return Ok(number as u16);
    }
    Err("the port must be from 0 to 65535")
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn at(host: &str, port: u16) -> ListenAddress {
        ListenAddress {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn backstage_spellings_are_understood() {
        for (text, expected) in [
            ("7007", at("", 7007)),
            (":7008", at("", 7008)),
            ("localhost:7007", at("localhost", 7007)),
            ("7007x", at("", 7007)),
            ("0.0.0.0: 80 ", at("0.0.0.0", 80)),
        ] {
            assert_eq!(ListenAddress::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_refused_by_naming_the_key_and_only_an_argument_is_repeated() {
        for text in ["x", "[::]:7007", "a:b", ":"] {
            let section = config(&format!(r#"{{"backend":{{"listen":"{text}"}}}}"#));
            assert_eq!(
                ListenAddress::read(&section, None).unwrap_err().to_string(),
                "Unable to parse the listen address of `backend.listen`, expected <port> or <host>:<port>"
            );
            assert_eq!(
                ListenAddress::read(&section, Some(text)).unwrap_err().to_string(),
                format!(
                    "Unable to parse listen address {text} of --listen, expected <port> or <host>:<port>"
                )
            );
        }
        let port = config(r#"{"stagedoor":{"listen":{"port":70000}}}"#);
        let error = ListenAddress::read(&port, None).unwrap_err().to_string();
        assert!(
            error.contains("`stagedoor.listen.port`") && !error.contains("70000"),
            "{error}"
        );
        assert!(ListenAddress::parse("").is_err());
        assert!(ListenAddress::parse("70000").is_err());
        assert!(ListenAddress::parse("-1").is_err());
    }

    #[test]
    fn the_nearest_setting_wins() {
        let both =
            config(r#"{"backend":{"listen":"7001"},"stagedoor":{"listen":{"host":"::","port":"7002"}}}"#);
        assert_eq!(ListenAddress::read(&both, Some(":7003")).unwrap(), at("", 7003));
        assert_eq!(ListenAddress::read(&both, None).unwrap(), at("::", 7002));
        let shared = config(r#"{"backend":{"listen":"7001"}}"#);
        assert_eq!(ListenAddress::read(&shared, None).unwrap(), at("", 7001));
        assert_eq!(ListenAddress::read(&config("{}"), None).unwrap(), at("", 7007));
        let host_only = config(r#"{"backend":{"listen":{"host":""}}}"#);
        assert_eq!(ListenAddress::read(&host_only, None).unwrap(), at("", 7007));
    }

    #[test]
    fn a_bare_number_is_a_type_error() {
        let error = ListenAddress::read(&config(r#"{"backend":{"listen":7007}}"#), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Invalid type in config for key 'backend.listen' in 'test', got number, wanted object"
        );
    }

    #[test]
    fn the_local_address_can_be_called() {
        assert_eq!(at("", 1).local_authority(), "localhost:1");
        assert_eq!(at("::", 1).local_authority(), "localhost:1");
        assert_eq!(at("0.0.0.0", 1).local_authority(), "127.0.0.1:1");
        assert_eq!(at("::1", 1).local_authority(), "[::1]:1");
        assert_eq!(at("portal", 1).local_authority(), "portal:1");
    }

    #[tokio::test]
    async fn a_taken_port_names_the_key_to_change() {
        let first = at("127.0.0.1", 0).bind().await.unwrap();
        let port = first.local_addr().unwrap().port();
        let error = at("127.0.0.1", port).bind().await.unwrap_err();
        assert!(error.to_string().contains("stagedoor.listen"), "{error}");
        assert!(at("", 0).bind().await.is_ok());
    }
}
