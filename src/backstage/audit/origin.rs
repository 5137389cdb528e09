//! Where a request came from, as audit events tell it.

use std::net::IpAddr;

use http::{HeaderValue, Method, Request, Uri, header};
use serde_json::{Map, Value};

use crate::infra::http_server::{Arrival, printable};

/// What an event tells of the request. Made for every request, so it copies nothing.
#[derive(Debug, Clone)]
pub struct Origin {
    client: Option<IpAddr>,
    host: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    method: Method,
    /// With the plugin's mount.
    uri: Uri,
}

impl Origin {
    /// Of a request as it arrived.
    pub fn of<B>(request: &Request<B>) -> Self {
        let headers = request.headers();
        Self {
            client: request
                .extensions()
                .get::<Arrival>()
                .map(|arrival| arrival.client),
            host: headers.get(header::HOST).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// `ip`, `hostname` and `userAgent` of who asked.
    pub(super) fn describe_actor(&self, actor: &mut Map<String, Value>) {
        let mut tell = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                actor.insert(name.to_owned(), value.into());
            }
        };
        tell("ip", self.client.map(|client| client.to_string()));
        tell("hostname", self.host.as_ref().map(hostname));
        let user_agent = self.user_agent.as_ref();
        tell(
            "userAgent",
            user_agent.map(|value| printable(value.as_bytes()).into_owned()),
        );
    }

    /// `url` and `method` of what was asked.
    pub(super) fn request(&self) -> Value {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        serde_json::json!({ "url": printable(target.as_bytes()), "method": self.method.as_str() })
    }
}

/// The host without its port, as Express has it.
fn hostname(host: &HeaderValue) -> String {
    let host = printable(host.as_bytes());
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    host[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hostname_has_no_port() {
        for (host, name) in [
            ("portal:7007", "portal"),
            ("portal", "portal"),
            ("[::1]:7007", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(hostname(&HeaderValue::from_static(host)), name);
        }
    }
}
