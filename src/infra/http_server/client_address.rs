//! Who is calling, when there are proxies in between: `backend.trustProxy`, as Express understands it.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::config::{ConfigError, ConfigReader, Value};

/// Addresses taken from one request's `X-Forwarded-For`; a longer list is somebody playing.
const MAX_HOPS: usize = 64;

/// Which proxies are believed when they say whom they forward for.
#[derive(Debug, Clone, Default)]
pub struct TrustProxy(Trust);

#[derive(Debug, Clone, Default)]
enum Trust {
    #[default]
    Nobody,
    Everybody,
    /// This many hops, the connection itself included.
    Hops(usize),
    Networks(Vec<IpNet>),
}

impl TrustProxy {
    /// Reads `backend.trustProxy`: a boolean, a number of hops, or addresses, networks and Express's names
    /// (`loopback`, `linklocal`, `uniquelocal`) as a list or separated by commas.
    pub fn read(config: &ConfigReader) -> Result<Self, ConfigError> {
        let key = "backend.trustProxy";
        let trust = match config.get(key)? {
            None | Some(Value::Bool(false)) => Trust::Nobody,
            Some(Value::Bool(true)) => Trust::Everybody,
            Some(Value::Number(hops)) if hops >= 0.0 => Trust::Hops(hops as usize),
            Some(Value::String(text)) => networks(text.split(','))?,
            Some(Value::Array(_)) => {
                let items = config.optional_string_array(key)?.unwrap_or_default();
                networks(items.iter().map(String::as_str))?
            }
            Some(_) => return Err(not_understood()),
        };
        Ok(Self(trust))
    }

    /// Returns the caller's address: the nearest one that is not a trusted proxy, else the furthest.
    pub fn client(&self, peer: SocketAddr, request_headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.ip().to_canonical();
        if matches!(self.0, Trust::Nobody) {
            return nearest;
        }
        for (hop, next) in forwarded_for(request_headers).enumerate() {
            // What is not an address cannot be passed on; whoever wrote it is the caller as far as we know.
            let Some(next) = next.filter(|_| self.0.includes(hop, nearest)) else {
                break;
            };
            nearest = next;
        }
        nearest
    }

    /// Whether what this peer says in `X-Forwarded-*` is believed.
    pub fn trusts(&self, peer: SocketAddr) -> bool {
        self.0.includes(0, peer.ip().to_canonical())
    }
}

impl Trust {
    fn includes(&self, hop: usize, address: IpAddr) -> bool {
        match self {
            Trust::Nobody => false,
            Trust::Everybody => true,
            Trust::Hops(hops) => hop < *hops,
            Trust::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
        }
    }
}

/// The forwarded addresses, nearest first.
fn forwarded_for(request_headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    request_headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .take(MAX_HOPS)
        .map(|item| {
            let text = std::str::from_utf8(item).ok()?.trim();
            text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
        })
}

fn networks<'a>(items: impl Iterator<Item = &'a str>) -> Result<Trust, ConfigError> {
    let mut networks = Vec::new();
    for item in items.map(str::trim).filter(|item| !item.is_empty()) {
        match named(item) {
            Some(names) => networks.extend(names.iter().filter_map(|name| name.parse::<IpNet>().ok())),
            None => networks.push(network(item).ok_or_else(not_understood)?),
        }
    }
    Ok(Trust::Networks(networks))
}

/// The names of npm `proxy-addr`.
fn named(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "loopback" => Some(&["127.0.0.1/8", "::1/128"]),
        "linklocal" => Some(&["169.254.0.0/16", "fe80::/10"]),
        "uniquelocal" => Some(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]),
        _ => None,
    }
}

/// An address, `address/bits` or `address/mask`.
fn network(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network);
    }
    let (address, mask) = text.split_once('/')?;
    IpNet::with_netmask(address.parse().ok()?, mask.parse().ok()?).ok()
}

fn not_understood() -> ConfigError {
    ConfigError::new(
        "`backend.trustProxy` must be true, false, a number of hops, or IP addresses and networks \
         (also loopback, linklocal, uniquelocal)",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn client(trust: &str, peer: &str, forwarded: &[&'static str]) -> String {
        let reader = config(&format!(r#"{{"backend":{{"trustProxy":{trust}}}}}"#));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        TrustProxy::read(&reader)
            .unwrap()
            .client(peer, &headers)
            .to_string()
    }

    #[test]
    fn without_trust_the_header_is_not_looked_at() {
        assert_eq!(client("false", "10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(client("null", "::ffff:10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(client("0", "10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
    }

    #[test]
    fn trusting_everybody_means_the_left_most_address() {
        assert_eq!(
            client("true", "10.0.0.1", &["1.1.1.1, 2.2.2.2", "3.3.3.3"]),
            "1.1.1.1"
        );
        assert_eq!(client("true", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn hops_are_counted_from_our_side() {
        assert_eq!(client("1", "10.0.0.1", &["1.1.1.1, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(client("2", "10.0.0.1", &["1.1.1.1, 2.2.2.2"]), "1.1.1.1");
        assert_eq!(client("9", "10.0.0.1", &["1.1.1.1, 2.2.2.2"]), "1.1.1.1");
    }

    #[test]
    fn listed_proxies_are_stepped_over() {
        for trust in [
            r#""loopback, 10.0.0.0/8""#,
            r#"["loopback","10.0.0.0/255.0.0.0"]"#,
            r#""127.0.0.1,10.0.0.7""#,
        ] {
            assert_eq!(
                client(trust, "127.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.7"]),
                "1.1.1.1",
                "{trust}"
            );
        }
        assert_eq!(client(r#""uniquelocal""#, "8.8.8.8", &["1.1.1.1"]), "8.8.8.8");
        assert_eq!(client(r#""linklocal""#, "fe80::1", &["fd00::1"]), "fd00::1");
    }

    #[test]
    fn what_is_not_an_address_ends_the_chain() {
        assert_eq!(
            client("true", "10.0.0.1", &["1.1.1.1, <script>, 2.2.2.2"]),
            "2.2.2.2"
        );
    }

    #[test]
    fn other_settings_are_refused_without_being_repeated() {
        for trust in [r#""true""#, r#"["nonsense"]"#, "-1", "{}"] {
            let reader = config(&format!(r#"{{"backend":{{"trustProxy":{trust}}}}}"#));
            let message = TrustProxy::read(&reader).unwrap_err().to_string();
            assert!(
                message.contains("backend.trustProxy") && !message.contains("nonsense"),
                "{message}"
            );
        }
    }
}
