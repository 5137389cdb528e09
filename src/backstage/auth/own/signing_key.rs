//! One key pair: the private half signs and never leaves this process, the public half is published.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{key_set::KeySet, token::Jwt};

/// Why a key cannot be used. Says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot be used")]
pub(in crate::backstage::auth) struct Unusable;

/// A key pair with the name it is published under.
pub(in crate::backstage::auth) struct SigningKey {
    id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public half as a JWK (RFC 7517), with `kid` and `alg`.
    published: Value,
    /// In Unix seconds.
    created_at: i64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new ES256 key, as Backstage's own plugins do.
    pub(super) fn generate(now: i64) -> Result<Self, Unusable> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| Unusable)?;
        let id = Uuid::new_v4().to_string();
        let published = publish(pair.public_key_pem().as_bytes(), Algorithm::ES256, &id)?;
        Ok(Self {
            id,
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(pair.serialized_der()),
            published,
            created_at: now,
        })
    }

    /// Puts a configured pair together, and tries it: a private key of another pair is found out here.
    pub(super) fn configured(
        id: &str,
        algorithm: Algorithm,
        private_pem: &[u8],
        published: Value,
    ) -> Result<Self, Unusable> {
        let private = decode_private(private_pem, algorithm).ok_or(Unusable)?;
        let key = Self {
            id: id.to_owned(),
            algorithm,
            private,
            published,
            created_at: 0,
        };
        key.is_a_pair().then_some(key).ok_or(Unusable)
    }

    fn is_a_pair(&self) -> bool {
        let Ok(probe) = self.sign("probe", &json!({})) else {
            return false;
        };
        let set = KeySet::parse(&json!({ "keys": [self.published] }));
        let probe = Jwt::parse(probe.expose_secret());
        set.zip(probe)
            .is_some_and(|(set, probe)| set.verify(&probe).is_ok())
    }

    /// Signs claims as a token of the type.
    pub(in crate::backstage::auth) fn sign(
        &self,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<SecretString, Unusable> {
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(self.id.clone()),
            ..Header::new(self.algorithm)
        };
        let signed = encode(&header, claims, &self.private);
        signed.map(SecretString::from).map_err(|_| Unusable)
    }

    /// The name it is published under.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The public half.
    pub(super) fn published(&self) -> &Value {
        &self.published
    }

    /// How many seconds ago it was made.
    pub(super) fn age(&self, now: i64) -> i64 {
        now - self.created_at
    }
}

/// A public key in PEM as a JWK of this name.
pub(super) fn publish(pem: &[u8], algorithm: Algorithm, id: &str) -> Result<Value, Unusable> {
    let key = decode_public(pem, algorithm).ok_or(Unusable)?;
    let mut published = Jwk::from_decoding_key(&key, Some(algorithm)).map_err(|_| Unusable)?;
    published.common.key_id = Some(id.to_owned());
    serde_json::to_value(&published).map_err(|_| Unusable)
}

fn decode_public(pem: &[u8], algorithm: Algorithm) -> Option<DecodingKey> {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem).ok(),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem).ok(),
        _ => DecodingKey::from_rsa_pem(pem).ok(),
    }
}

fn decode_private(pem: &[u8], algorithm: Algorithm) -> Option<EncodingKey> {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem).ok(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem).ok(),
        _ => EncodingKey::from_rsa_pem(pem).ok(),
    }
}
