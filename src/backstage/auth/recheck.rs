//! Whether a caller's token is still good, when another backend of the portal does not accept it.

use secrecy::ExposeSecret as _;

use super::{Authenticator, Credentials, Principal, token::Jwt};
use crate::backstage::error::BackstageError;

/// What a person can do about it.
const SIGN_IN_AGAIN: &str = "The portal no longer accepts your sign-in: the key it was signed with is gone, as after a restart of \
                             Backstage. Sign in again";

impl Authenticator {
    /// Verifies the caller's token once more, with the keys as they are published now; a key that is gone also makes us
    /// forget every other token it has signed. Callers that are no users pass.
    ///
    /// # Errors
    /// 401 when the token is not good any more.
    pub async fn recheck(&self, caller: &Credentials) -> Result<(), BackstageError> {
        let (Principal::User(_), Some(token)) = (caller.principal(), caller.token()) else {
            return Ok(());
        };
        let Some(jwt) = Jwt::parse(token.expose_secret()) else {
            return Ok(());
        };
        let source = self
            .0
            .user_keys()
            .and_then(|place| self.0.keys.source(place, None));
        if let Ok(source) = source {
            source.look_again().await;
        }
        match self.0.verified_user(&jwt).await {
            Some(Err(refused)) => Err(refused.saying(SIGN_IN_AGAIN)),
            Some(Ok(_)) | None => Ok(()),
        }
    }
}
