//! `--listen` and `stagedoor.listen`: an address is one that is written out, or an error that says how to write it.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Host;

/// How an address is written.
pub(super) const FORMS: &str = "write <port>, :<port>, <host>:<port> or [<IPv6 address>]:<port>, such as :7008 or 127.0.0.1:7008; \
     a host alone needs its port";

/// The host, empty for every interface, and the port.
pub(super) fn parse(text: &str) -> Option<(String, u16)> {
    let (host, number) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port(number)?;
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some((address.to_string(), port));
    }
    (host.is_empty() || is_name_or_ipv4(host)).then(|| (host.to_owned(), port))
}

/// A decimal number without signs, spaces or leading zeros.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port: &u16| port.to_string() == text)
}

/// Whether the text is a host by itself: nothing (every interface), an IP address without brackets, or a name.
pub(super) fn is_host(text: &str) -> bool {
    text.is_empty() || text.parse::<Ipv6Addr>().is_ok() || is_name_or_ipv4(text)
}

fn is_name_or_ipv4(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    // What the URL standard reads as a number is an address that was written wrongly.
    let is_name = || {
        let has_labels = text.split('.').all(|label| !label.is_empty());
        has_labels && text.bytes().all(is_plain) && matches!(Host::parse(text), Ok(Host::Domain(_)))
    };
    text.parse::<Ipv4Addr>().is_ok() || is_name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_written_out_is_taken() {
        for (text, host, port) in [
            ("7008", "", 7008),
            (":7008", "", 7008),
            (":0", "", 0),
            ("127.0.0.1:7008", "127.0.0.1", 7008),
            ("0.0.0.0:80", "0.0.0.0", 80),
            ("localhost:65535", "localhost", 65535),
            ("portal-1.example.com:7008", "portal-1.example.com", 7008),
            ("[::1]:7008", "::1", 7008),
            ("[::]:7008", "::", 7008),
            ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1),
        ] {
            assert_eq!(parse(text), Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_would_be_another_address_or_port_is_refused() {
        for text in [
            "",
            ":",
            "127.0.0.1",
            "0.0.0.0",
            "localhost",
            "::",
            "::1",
            "[::1]",
            "[::1]7008",
            "::1:7008",
            "[127.0.0.1]:7008",
            "[localhost]:7008",
            "0x1bc5",
            ":0x1bc5",
            "7109abc",
            ":7109abc",
            "7e3",
            "7008.0",
            "+7008",
            "-1",
            "07008",
            ":07008",
            " 7008",
            "7008 ",
            ": 7008",
            "7008\n",
            "70000",
            ":65536",
            "7_008",
            "٧٠٠٨",
            "127.0.0:7008",
            "127.1:7008",
            "1.2.3.4.5:7008",
            "256.0.0.1:7008",
            "0x7f.1:7008",
            "127.0.0.01:7008",
            "a b:7008",
            "http://localhost:7008",
            "localhost:http",
            "a:b:7008",
            "localhost:7008/",
            "user@host:7008",
            "*:7008",
            "host%41:7008",
            "..:7008",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_host_by_itself_has_neither_brackets_nor_port() {
        for text in ["", "0.0.0.0", "::", "::1", "localhost", "portal.example.com"] {
            assert!(is_host(text), "{text}");
        }
        for text in [
            "[::1]",
            "127.0.0.1:7008",
            "127.1",
            "0x7f000001",
            "a b",
            "http://x",
            "*",
        ] {
            assert!(!is_host(text), "{text}");
        }
    }
}
