//! Extractors: a handler names in its signature who may call it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{Credentials, LimitedAccess, PluginDoor, Principal};
use crate::backstage::{audit::Origin, error::BackstageError};

/// A portal user with a full token, directly or through another plugin.
#[derive(Debug, Clone)]
pub struct UserCredentials(pub Credentials);

/// A portal user, also with the cookie or a limited token; for routes under a `UserCookie` policy.
#[derive(Debug, Clone)]
pub struct CookieUserCredentials(pub Credentials);

/// Another plugin or an external caller, not on behalf of a user.
#[derive(Debug, Clone)]
pub struct ServiceCredentials(pub Credentials);

/// Whoever calls, also nobody. A bad token is still refused.
impl<S: Send + Sync> FromRequestParts<S> for Credentials {
    type Rejection = BackstageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        credentials(parts, LimitedAccess::Refused).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserCredentials {
    type Rejection = BackstageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        only_user(credentials(parts, LimitedAccess::Refused).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CookieUserCredentials {
    type Rejection = BackstageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        only_user(credentials(parts, LimitedAccess::Allowed).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServiceCredentials {
    type Rejection = BackstageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let credentials = credentials(parts, LimitedAccess::Refused).await?;
        match credentials.principal() {
            Principal::Service(_) => Ok(Self(credentials)),
            Principal::User(_) => Err(not_for("user")),
            Principal::None => Err(missing()),
        }
    }
}

async fn credentials(parts: &Parts, limited: LimitedAccess) -> Result<Credentials, BackstageError> {
    let credentials = match parts.extensions.get::<Arc<PluginDoor>>() {
        Some(door) => door.credentials(parts, limited).await?,
        // Without a door nobody has been verified, so there is nobody to speak of.
        None => Credentials::none(),
    };
    Ok(match parts.extensions.get::<Arc<Origin>>() {
        Some(origin) => credentials.with_origin(Arc::clone(origin)),
        None => credentials,
    })
}

fn only_user(credentials: Credentials) -> Result<Credentials, BackstageError> {
    match credentials.principal() {
        Principal::User(_) => Ok(credentials),
        Principal::Service(_) => Err(not_for("service")),
        Principal::None => Err(missing()),
    }
}

fn missing() -> BackstageError {
    BackstageError::authentication("Missing credentials")
}

fn not_for(kind: &str) -> BackstageError {
    BackstageError::not_allowed(format!("This endpoint does not allow '{kind}' credentials"))
}
