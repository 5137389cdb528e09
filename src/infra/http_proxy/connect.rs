//! How the server behind us is reached: directly, or through the proxy that the environment names.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::{net::TcpStream, time::timeout};
use tower::{BoxError, Service, ServiceExt as _};
use url::Url;

use crate::{
    config::Environment,
    infra::http_client::{HttpClients, is_loopback},
};

/// Time for a connection of the system's; a server that does not answer in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The same with all that comes before a request: the proxy's consent, and TLS.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// After this time of silence the system asks the server behind us whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The proxies that the environment names.
#[derive(Debug)]
pub struct Proxies(Matcher);

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, each also in small letters.
    pub fn of(environment: &Environment) -> Self {
        let read = |name: &str| {
            let small = name.to_ascii_lowercase();
            let value = environment.get(name).or_else(|| environment.get(&small));
            value.unwrap_or_default().to_owned()
        };
        let named = Matcher::builder()
            .all(read("ALL_PROXY"))
            .http(read("HTTP_PROXY"))
            .https(read("HTTPS_PROXY"))
            .no(read("NO_PROXY"));
        Self(named.build())
    }

    /// The proxy on the way to the server; this machine is always reached directly.
    fn towards(&self, origin: &Url) -> Option<Intercept> {
        let target: Uri = origin.as_str().parse().ok()?;
        self.0.intercept(&target).filter(|_| !is_loopback(origin))
    }
}

/// Makes connections to one server that are ready for requests.
#[derive(Debug, Clone)]
pub(super) struct Connector(HttpsConnector<Route>);

/// The way to the server.
#[derive(Debug, Clone)]
enum Route {
    Direct(HttpConnector),
    /// Through a proxy that passes on bytes it cannot read.
    Tunnel(Tunnel<HttpsConnector<HttpConnector>>),
    /// By a proxy that is given each request in the clear, with the server's whole address.
    Relay(Uri, HttpsConnector<HttpConnector>),
}

/// Returns what makes connections to the server, and the credential with which a proxy wants to see each request.
pub(super) fn connector(
    origin: &Url,
    http: &HttpClients,
    proxies: &Proxies,
) -> (Connector, Option<HeaderValue>) {
    let Some(proxy) = proxies.towards(origin) else {
        return (Connector(secured(Route::Direct(plain()), http)), None);
    };
    let (address, credential) = (proxy.uri().clone(), proxy.basic_auth().cloned());
    let to_proxy = secured(plain(), http);
    if origin.scheme() == "http" {
        let route = Route::Relay(address, to_proxy);
        return (Connector(secured(route, http)), credential);
    }
    let tunnel = Tunnel::new(address, to_proxy);
    let tunnel = match credential {
        Some(credential) => tunnel.with_auth(credential),
        None => tunnel,
    };
    (Connector(secured(Route::Tunnel(tunnel), http)), None)
}

fn plain() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.enforce_http(false);
    connector
}

fn secured<C>(connector: C, http: &HttpClients) -> HttpsConnector<C> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(http.tls());
    builder.https_or_http().enable_http1().wrap_connector(connector)
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Line>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.clone().oneshot(server);
        Box::pin(async move {
            let connected = timeout(READY_TIMEOUT, connecting).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

impl Service<Uri> for Route {
    type Response = Line;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Line, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let route = self.clone();
        Box::pin(async move {
            let is_relayed = matches!(route, Self::Relay(..));
            let stream = match route {
                Self::Direct(connector) => MaybeHttpsStream::Http(connector.oneshot(server).await?),
                Self::Tunnel(tunnel) => tunnel.oneshot(server).await?,
                Self::Relay(proxy, connector) => connector.oneshot(proxy).await?,
            };
            Ok(Line { stream, is_relayed })
        })
    }
}

/// A connection to the server, or to the proxy on the way.
pub(super) struct Line {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    is_relayed: bool,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_relayed)
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy's address on the way to a server, within this environment.
    fn proxy(environment: &[(&str, &str)], origin: &str) -> Option<String> {
        let proxies = Proxies::of(&Environment::from_pairs(environment.iter().copied()));
        let proxy = proxies.towards(&origin.parse().unwrap())?;
        Some(proxy.uri().to_string())
    }

    const HTTP: (&str, &str) = ("HTTP_PROXY", "http://plain.test:3128");
    const HTTPS: (&str, &str) = ("https_proxy", "http://secure.test:3129");

    #[test]
    fn the_environment_names_a_proxy_for_each_scheme_in_either_spelling() {
        let both = [HTTP, HTTPS];
        assert_eq!(
            proxy(&both, "http://portal.test").as_deref(),
            Some("http://plain.test:3128/")
        );
        assert_eq!(
            proxy(&both, "https://portal.test").as_deref(),
            Some("http://secure.test:3129/")
        );
        assert_eq!(proxy(&[HTTP], "https://portal.test"), None);
        assert!(proxy(&[("ALL_PROXY", HTTP.1)], "https://portal.test").is_some());
        assert_eq!(proxy(&[], "https://portal.test"), None);
    }

    #[test]
    fn hosts_in_no_proxy_and_this_machine_are_reached_directly() {
        let environment = [HTTP, HTTPS, ("NO_PROXY", "portal.test, 10.0.0.0/8")];
        for origin in [
            "https://portal.test",
            "http://backstage.portal.test:7007",
            "http://10.1.2.3:7007",
            "http://localhost:7007",
            "http://127.0.0.1:7007",
            "https://[::1]:7007",
        ] {
            assert_eq!(proxy(&environment, origin), None, "{origin}");
        }
        assert!(proxy(&environment, "http://other.test").is_some());
    }
}
