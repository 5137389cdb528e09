//! Where to listen: `--listen`, else `stagedoor.listen`, else `backend.listen`, else every interface on 7007.

mod backstage;
mod error;
mod strict;

use std::io;

use tokio::net::TcpListener;

use self::error::NamedBy;
use crate::config::{ConfigError, ConfigReader, Value};

pub use self::error::ListenError;

/// Backstage's default port.
const DEFAULT_PORT: u16 = 7007;

/// Our own key; `--listen` alone is stronger.
const OWN: &str = "stagedoor.listen";

/// The key we share with Backstage.
const SHARED: &str = "backend.listen";

/// A host and port to listen on; an empty host is every interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or address as it was written, without brackets.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    named_by: NamedBy,
}

impl ListenAddress {
    /// Chooses the address; `argument` is the value of `--listen`.
    ///
    /// # Errors
    /// The one that counts is not an address.
    pub fn read(config: &ConfigReader, argument: Option<&str>) -> Result<Self, ConfigError> {
        if let Some(text) = argument {
            let unusable = || {
                let forms = strict::FORMS;
                ConfigError::new(format!(
                    "{text} of --listen is not an address to listen on; {forms}"
                ))
            };
            return Self::strictly(text, NamedBy::Argument).ok_or_else(unusable);
        }
        if config.has(OWN) {
            return Self::read_own(config);
        }
        backstage::read(config, SHARED, DEFAULT_PORT)
    }

    /// Says so when `backend.listen` counts and Backstage reads it as something else than what is written.
    pub fn warning(config: &ConfigReader, argument: Option<&str>) -> Option<String> {
        if argument.is_some() || config.has(OWN) {
            return None;
        }
        let Ok(Some(Value::String(text))) = config.get(SHARED) else {
            return None;
        };
        let read = backstage::parse(&text).ok()?;
        let written = strict::parse(&text);
        let is_same = written.is_some_and(|(host, port)| (host, port) == (read.host.clone(), read.port));
        (!is_same).then(|| {
            format!(
                "{SHARED} is read as port {} of {}, as Backstage reads it: digits count up to the first other sign, and a \
                 text without a colon is a port. If that is not meant, {}",
                read.port,
                if read.host.is_empty() { "every interface" } else { "its host" },
                strict::FORMS
            )
        })
    }

    fn by_backstage(host: String, port: u16) -> Self {
        let named_by = NamedBy::Backstage;
        Self { host, port, named_by }
    }

    fn strictly(text: &str, named_by: NamedBy) -> Option<Self> {
        let (host, port) = strict::parse(text)?;
        Some(Self { host, port, named_by })
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
    ///
    /// # Errors
    /// The system's reason, and what to change.
    pub async fn bind(&self) -> Result<TcpListener, ListenError> {
        self.try_bind().await.map_err(|source| ListenError {
            address: match self.host.contains(':') {
                true => format!("[{}]:{}", self.host, self.port),
                false => format!("{}:{}", self.host, self.port),
            },
            named_by: self.named_by,
            source,
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

    /// Reads `stagedoor.listen`, whose value stays out of messages.
    fn read_own(config: &ConfigReader) -> Result<Self, ConfigError> {
        let unusable = |key: &str, forms: &str| {
            ConfigError::new(format!("`{key}` is not an address to listen on; {forms}"))
        };
        match config.get(OWN)? {
            Some(Value::String(text)) => {
                Self::strictly(&text, NamedBy::Own).ok_or_else(|| unusable(OWN, strict::FORMS))
            }
            Some(Value::Object(_)) => Self::read_own_parts(config),
            _ => Err(unusable(
                OWN,
                "write text in quotes such as ':7008', or the keys host and port",
            )),
        }
    }

    fn read_own_parts(config: &ConfigReader) -> Result<Self, ConfigError> {
        let invalid = |part: &str, problem: &str| ConfigError::invalid(&format!("{OWN}.{part}"), problem);
        let host = match config.get(&format!("{OWN}.host"))? {
            None => String::new(),
            Some(Value::String(host)) if strict::is_host(&host) => host,
            Some(_) => {
                return Err(invalid(
                    "host",
                    "must be a name or an IP address alone, without brackets and port; empty is every interface",
                ));
            }
        };
        let port = match config.get(&format!("{OWN}.port"))? {
            None => Some(DEFAULT_PORT),
            Some(Value::String(text)) => strict::port(&text),
            Some(Value::Number(number)) => strict::port(&number.to_string()),
            Some(_) => None,
        };
        let port = port.ok_or_else(|| invalid("port", "must be a whole number from 0 to 65535"))?;
        let named_by = NamedBy::Own;
        Ok(Self { host, port, named_by })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn at(host: &str, port: u16) -> ListenAddress {
        ListenAddress::by_backstage(host.to_owned(), port)
    }

    fn read(json: &str, argument: Option<&str>) -> (String, u16) {
        let address = ListenAddress::read(&config(json), argument).unwrap();
        (address.host, address.port)
    }

    fn refused(json: &str, argument: Option<&str>) -> String {
        ListenAddress::read(&config(json), argument)
            .unwrap_err()
            .to_string()
    }

    /// `7109abc` is what `parseInt` reads as 7109.
    const SLOPPY: [&str; 8] = [
        "127.0.0.1",
        "0.0.0.0",
        "0x1bc5",
        "7109abc",
        "7008 ",
        "localhost: 7008",
        ":7008/",
        "+7008",
    ];

    #[test]
    fn what_is_ours_is_strict_and_what_is_backstages_is_not() {
        for text in SLOPPY {
            let own = format!(r#"{{"stagedoor":{{"listen":"{text}"}}}}"#);
            let error = refused(&own, None);
            assert!(
                error.contains("`stagedoor.listen`") && error.contains("127.0.0.1:7008"),
                "{error}"
            );
            assert!(!error.contains("7109abc"), "{error}");
            let error = refused("{}", Some(text));
            assert!(error.contains(text) && error.contains("--listen"), "{error}");
            let shared = config(&format!(r#"{{"backend":{{"listen":"{text}"}}}}"#));
            assert!(ListenAddress::read(&shared, None).is_ok(), "{text}");
            let warning = ListenAddress::warning(&shared, None).unwrap();
            assert!(
                warning.contains("backend.listen") && !warning.contains("7109abc"),
                "{text}: {warning}"
            );
            assert_eq!(ListenAddress::warning(&shared, Some(":7008")), None, "{text}");
        }
    }

    #[test]
    fn what_backstage_reads_as_written_is_not_warned_of() {
        for text in ["7007", ":7007", "localhost:7007", "127.0.0.1:7007"] {
            let shared = config(&format!(r#"{{"backend":{{"listen":"{text}"}}}}"#));
            assert_eq!(ListenAddress::warning(&shared, None), None, "{text}");
        }
        let parts = config(r#"{"backend":{"listen":{"host":"127.0.0.1"}}}"#);
        assert_eq!(ListenAddress::warning(&parts, None), None);
    }

    #[test]
    fn other_text_is_refused_by_naming_the_key_and_only_an_argument_is_repeated() {
        for text in ["x", "[::]:7007", "a:b", ":"] {
            let section = format!(r#"{{"backend":{{"listen":"{text}"}}}}"#);
            assert_eq!(
                refused(&section, None),
                "Unable to parse the listen address of `backend.listen`, expected <port> or <host>:<port>"
            );
        }
    }

    #[test]
    fn host_and_port_of_ours_are_strict_too() {
        for (part, value) in [
            ("port", "70000"),
            ("port", "70.5"),
            ("port", "-1"),
            ("port", r#""0x1bc5""#),
            ("port", r#""7109abc""#),
            ("port", "true"),
            ("host", r#""127.0.0.1:80""#),
            ("host", r#""[::1]""#),
            ("host", "127"),
        ] {
            let error = refused(
                &format!(r#"{{"stagedoor":{{"listen":{{"{part}":{value}}}}}}}"#),
                None,
            );
            assert!(error.contains(&format!("stagedoor.listen.{part}")), "{error}");
        }
        for value in ["7008", "true", "[]"] {
            let error = refused(&format!(r#"{{"stagedoor":{{"listen":{value}}}}}"#), None);
            assert!(
                error.contains("`stagedoor.listen`") && error.contains("quotes"),
                "{error}"
            );
        }
        let own = r#"{"stagedoor":{"listen":{"host":"::1","port":7008}}}"#;
        assert_eq!(read(own, None), ("::1".to_owned(), 7008));
    }

    #[test]
    fn the_nearest_setting_wins() {
        let both = r#"{"backend":{"listen":"7001"},"stagedoor":{"listen":{"host":"::","port":"7002"}}}"#;
        assert_eq!(read(both, Some(":7003")), (String::new(), 7003));
        assert_eq!(read(both, None), ("::".to_owned(), 7002));
        assert_eq!(
            read(r#"{"backend":{"listen":"7001"}}"#, None),
            (String::new(), 7001)
        );
        assert_eq!(read("{}", None), (String::new(), 7007));
        let host_only = r#"{"backend":{"listen":{"host":""}}}"#;
        assert_eq!(read(host_only, None), (String::new(), 7007));
    }

    #[test]
    fn a_bare_number_is_a_type_error() {
        assert_eq!(
            refused(r#"{"backend":{"listen":7007}}"#, None),
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
    async fn a_refused_address_has_its_reason_and_its_key() {
        let first = at("127.0.0.1", 0).bind().await.unwrap();
        let port = first.local_addr().unwrap().port();
        let taken = format!("127.0.0.1:{port}");
        // The address is one of documentation (RFC 5737), which no machine has.
        for (host, port, reason) in [
            ("127.0.0.1", port, "already in use"),
            ("192.0.2.1", 7008, "no such address"),
            ("name.invalid", 7008, "does not resolve"),
        ] {
            let error = at(host, port).bind().await.unwrap_err().to_string();
            assert!(
                error.contains(reason) && error.contains("set `stagedoor.listen`"),
                "{error}"
            );
        }
        for (json, argument, cure) in [
            ("{}", Some(taken.as_str()), "with --listen"),
            (
                &*format!(r#"{{"stagedoor":{{"listen":"{taken}"}}}}"#),
                None,
                "change `stagedoor.listen`",
            ),
        ] {
            let address = ListenAddress::read(&config(json), argument).unwrap();
            let error = address.bind().await.unwrap_err().to_string();
            assert!(error.contains(cure) && error.contains("os error"), "{error}");
        }
        assert!(at("", 0).bind().await.is_ok());
    }
}
