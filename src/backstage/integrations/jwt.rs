//! How an App proves to GitHub who it is: a token it signs itself, good for minutes.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

/// Tokens are dated back by this, so that a clock that is a little ahead does no harm (GitHub's own advice).
const DATED_BACK: i64 = 60;

/// GitHub accepts ten minutes at most, by its own clock; a minute is left for ours.
const GOOD_FOR: i64 = 540;

/// Why nothing can be signed: the text is not an RSA private key in PEM. Says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAKey;

/// An App's id and the key it signs with.
#[derive(Clone)]
pub(super) struct Signer {
    app_id: u64,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    /// A number, as Backstage sends it: older GitHub Enterprise Servers accept nothing else.
    iss: u64,
}

impl Signer {
    /// Reads a key in PKCS#1 or PKCS#8, and tries it: what only looks like a key is found out here.
    pub(super) fn new(app_id: u64, pem: &SecretString) -> Result<Self, NotAKey> {
        let key = EncodingKey::from_rsa_pem(with_line_ends(pem).expose_secret().as_bytes());
        let signer = Self {
            app_id,
            key: key.map_err(|_| NotAKey)?,
        };
        signer.sign(0).map(|_| signer)
    }

    /// Returns a token that is good around the time given, in Unix seconds.
    pub(super) fn sign(&self, now: i64) -> Result<SecretString, NotAKey> {
        let claims = Claims {
            iat: now - DATED_BACK,
            exp: now + GOOD_FOR,
            iss: self.app_id,
        };
        let signed = encode(&Header::new(Algorithm::RS256), &claims, &self.key);
        signed.map(SecretString::from).map_err(|_| NotAKey)
    }
}

/// An environment variable often holds its line ends as a backslash and an `n`; Backstage mends that too.
fn with_line_ends(pem: &SecretString) -> SecretString {
    SecretString::from(pem.expose_secret().replace("\\n", "\n"))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::Value;

    use super::*;
    use crate::backstage::integrations::testing::{Key, key};

    fn signer(pem: &str) -> Result<Signer, NotAKey> {
        Signer::new(12345, &SecretString::from(pem))
    }

    fn claims(token: &SecretString, key: &Key) -> Value {
        let mut wanted = Validation::new(Algorithm::RS256);
        wanted.validate_exp = false;
        let public = DecodingKey::from_rsa_pem(key.public.as_bytes()).unwrap();
        decode::<Value>(token.expose_secret(), &public, &wanted)
            .unwrap()
            .claims
    }

    #[test]
    fn a_token_is_dated_back_and_ends_before_github_would_refuse_it() {
        let key = key();
        let token = signer(&key.pkcs8).unwrap().sign(1_000_000).unwrap();
        let wanted = serde_json::json!({"iat": 999_940, "exp": 1_000_540, "iss": 12345});
        assert_eq!(claims(&token, key), wanted);
    }

    #[test]
    fn keys_are_read_in_both_forms_and_as_environment_variables_hold_them() {
        let key = key();
        for pem in [&key.pkcs1, &key.pkcs8] {
            for text in [
                pem.clone(),
                pem.replace('\n', "\\n"),
                pem.replace('\n', "\r\n"),
                format!("\n{pem}\n"),
            ] {
                let token = signer(&text).unwrap().sign(1_000_000).unwrap();
                assert_eq!(claims(&token, key)["iss"], 12345);
            }
        }
    }

    #[test]
    fn what_is_no_private_rsa_key_is_found_out_at_once() {
        let key = key();
        let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let cut: String = key
            .pkcs8
            .lines()
            .filter(|line| !line.starts_with("MII"))
            .collect();
        let hollow = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned();
        for text in ["hunter2".to_owned(), elliptic, key.public.clone(), cut, hollow] {
            assert_eq!(signer(&text).err(), Some(NotAKey), "{text}");
        }
    }
}
