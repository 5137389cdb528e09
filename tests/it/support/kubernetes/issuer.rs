//! An OpenID Connect provider of the run's own: its documents over HTTPS, and the tokens it signs.
//!
//! Runs in plain threads: it must answer as long as the API server lives, longer than any test's runtime.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::certificates::Authority;

/// The audience the API server wants to find in a token.
pub(crate) const CLIENT_ID: &str = "platform-cluster";

/// What the API server puts before the names of users and groups of this issuer.
pub(super) const PREFIX: &str = "oidc:";

const KEY_ID: &str = "issuer-key";

/// The provider; its tokens carry the user as `preferred_username` and the groups as `groups`.
pub(crate) struct Issuer {
    url: String,
    key: EncodingKey,
}

impl Issuer {
    /// Serves its documents on a free loopback port from now on.
    pub(super) fn start(authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let key = KeyPair::generate().unwrap();
        let documents = Arc::new(Documents::of(&url, &key));
        let tls = authority.server_config();
        thread::spawn(move || serve(&listener, &tls, &documents));
        let key = EncodingKey::from_ec_der(&key.serialize_der());
        Self { url, key }
    }

    /// As the API server knows it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// An access token of a user in these groups, good for an hour.
    pub(crate) fn token(&self, user: &str, groups: &[&str]) -> String {
        let expires = jiff::Timestamp::now().as_second() + 3600;
        self.token_until(user, groups, expires)
    }

    /// An access token of a user in these groups that expires then, in seconds since 1970.
    pub(crate) fn token_until(&self, user: &str, groups: &[&str], expires: i64) -> String {
        let claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": format!("subject of {user}"),
            "preferred_username": user, "groups": groups, "iat": expires - 3600, "exp": expires,
        });
        self.sign(&claims)
    }

    /// Any claims, signed with the published key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// What the provider publishes.
struct Documents {
    discovery: String,
    keys: String,
}

impl Documents {
    fn of(url: &str, key: &KeyPair) -> Self {
        let discovery = json!({
            "issuer": url, "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        // An uncompressed point: one byte that says so, then both coordinates.
        let (x, y) = key.public_key_raw()[1..].split_at(32);
        let keys = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        Self {
            discovery: discovery.to_string(),
            keys: keys.to_string(),
        }
    }

    fn at(&self, path: &str) -> Option<&str> {
        match path {
            "/.well-known/openid-configuration" => Some(&self.discovery),
            "/keys" => Some(&self.keys),
            _ => None,
        }
    }
}

fn serve(listener: &TcpListener, tls: &Arc<ServerConfig>, documents: &Arc<Documents>) {
    for stream in listener.incoming().flatten() {
        let (tls, documents) = (Arc::clone(tls), Arc::clone(documents));
        // A caller that goes away in the middle is no concern of ours.
        thread::spawn(move || answer(stream, tls, &documents));
    }
}

/// Answers one request and closes.
fn answer(stream: TcpStream, tls: Arc<ServerConfig>, documents: &Documents) -> std::io::Result<()> {
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let mut header = String::new();
    while stream.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match documents.at(path) {
        Some(document) => ("200 OK", document),
        None => ("404 Not Found", "{}"),
    };
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
