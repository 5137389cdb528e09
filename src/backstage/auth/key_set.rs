//! A published key document (JWKS, RFC 7517): which key fits a token, and with which algorithms.

use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{refusal::Refusal, token::Jwt};

/// Every algorithm an RSA key without an `alg` of its own may be used with.
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The usable keys of one document.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// What was left out and why, for one warning.
    pub(super) skipped: Vec<String>,
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// The algorithms this key may verify: the pin that no token header can widen.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
    /// As published; tells whether a later document still holds this key.
    published: Value,
}

impl KeySet {
    /// Reads a document; `None` when it has no list of keys.
    pub(super) fn parse(document: &Value) -> Option<Self> {
        let mut set = Self::default();
        for published in document.get("keys")?.as_array()? {
            match Key::parse(published) {
                Ok(Some(key)) => set.keys.push(key),
                Ok(None) => {}
                Err(why) => set.skipped.push(why),
            }
        }
        Some(set)
    }

    /// Whether it verifies nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys can be used.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key of the earlier document was withdrawn or replaced.
    pub(super) fn holds_all_of(&self, earlier: &KeySet) -> bool {
        let holds = |key: &Key| self.keys.iter().any(|own| own.published == key.published);
        earlier.keys.iter().all(holds)
    }

    /// Checks the token's signature with the one key that fits its header.
    ///
    /// # Errors
    ///
    /// `Refusal::NoMatchingKey` when a newer document might help; any other refusal is final.
    pub(super) fn verify(&self, jwt: &Jwt<'_>) -> Result<(), Refusal> {
        let algorithm = asymmetric_algorithm(jwt)?;
        let kid = jwt.header_text("kid");
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm, kid));
        let key = fitting.next().ok_or(Refusal::NoMatchingKey)?;
        if fitting.next().is_some() {
            return Err(Refusal::SeveralKeys);
        }
        verify_with(jwt, &key.key, algorithm)
    }
}

/// Checks the token's signature with the key.
pub(super) fn verify_with(jwt: &Jwt<'_>, key: &DecodingKey, algorithm: Algorithm) -> Result<(), Refusal> {
    let (signed, signature) = jwt.signed_and_signature();
    match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Refusal::Signature),
    }
}

/// The header's algorithm, if it is one that public keys verify. A `crit` header is an extension we do not know.
fn asymmetric_algorithm(jwt: &Jwt<'_>) -> Result<Algorithm, Refusal> {
    if jwt.has_header("crit") {
        return Err(Refusal::Critical);
    }
    // A `kid` that is not text names no key, and must not count as left out.
    if jwt.has_header("kid") && jwt.header_text("kid").is_none() {
        return Err(Refusal::NoMatchingKey);
    }
    let algorithm = jwt.header_text("alg").and_then(|name| name.parse().ok());
    match algorithm {
        None | Some(Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) => Err(Refusal::Algorithm),
        Some(algorithm) => Ok(algorithm),
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        self.algorithms.contains(&algorithm) && (kid.is_none() || kid == self.kid.as_deref())
    }

    /// `Ok(None)` is a key for something else than signatures; an error says why a signing key cannot be used.
    fn parse(published: &Value) -> Result<Option<Self>, String> {
        let text = |name: &str| published.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") || !may_verify(published) {
            return Ok(None);
        }
        let kid = text("kid").map(str::to_owned);
        let named = kid.as_deref().unwrap_or("without a kid");
        let wrong = |what: &str| format!("key {named}: {what}");
        let (possible, key) = material(&text).ok_or_else(|| wrong("its type or curve is not supported"))?;
        let key = key.map_err(|_| wrong("its numbers are malformed"))?;
        let algorithms = match text("alg") {
            None => possible.to_vec(),
            Some("Ed25519") if possible == [Algorithm::EdDSA] => possible.to_vec(),
            Some(name) => {
                let pinned = name.parse().ok().filter(|pinned| possible.contains(pinned));
                vec![pinned.ok_or_else(|| wrong("its algorithm is not supported for its type"))?]
            }
        };
        Ok(Some(Self {
            kid,
            algorithms,
            key,
            published: published.clone(),
        }))
    }
}

/// Public key and the algorithms its type allows.
type Material = (&'static [Algorithm], jsonwebtoken::errors::Result<DecodingKey>);

fn material<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Option<Material> {
    let part = |name: &str| text(name).unwrap_or_default();
    let ec = || DecodingKey::from_ec_components(part("x"), part("y"));
    match (text("kty")?, text("crv")) {
        ("EC", Some("P-256")) => Some((&[Algorithm::ES256], ec())),
        ("EC", Some("P-384")) => Some((&[Algorithm::ES384], ec())),
        ("OKP", Some("Ed25519")) => Some((&[Algorithm::EdDSA], DecodingKey::from_ed_components(part("x")))),
        ("RSA", _) => Some((RSA, DecodingKey::from_rsa_components(part("n"), part("e")))),
        _ => None,
    }
}

fn may_verify(published: &Value) -> bool {
    match published.get("key_ops").and_then(Value::as_array) {
        Some(operations) => operations.iter().any(|operation| operation == "verify"),
        None => true,
    }
}
