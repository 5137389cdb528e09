//! The barrier in front of a plugin's routes: who passes is decided before routing, known route or not.

use std::sync::Arc;

use axum::body::Body;
use http::{Extensions, Request};

use super::{Allow, AuthPolicy, Authenticator, Credentials, LimitedAccess, Principal, Visit, forgery};
use crate::{backstage::error::BackstageError, infra::http_server::Arrival};

/// Path of the plugin's public keys, relative to its mount; open to everybody because they are how trust begins.
pub(super) const KEYS_PATH: &str = "/.backstage/auth/v1/jwks.json";

/// Whether the path, relative to a plugin's mount, is that of its public keys.
pub fn is_key_document(path: &str) -> bool {
    covers(KEYS_PATH, path)
}

/// One plugin's door: who verifies, for which plugin, and which paths are open.
#[derive(Debug, Clone)]
pub struct PluginDoor {
    /// Verifies tokens.
    pub authenticator: Authenticator,
    /// The plugin the caller wants to reach; plugin tokens must be meant for it.
    pub plugin_id: &'static str,
    /// The paths that do not follow the default policy.
    pub policies: Vec<AuthPolicy>,
    /// `backend.auth.dangerouslyDisableDefaultAuthPolicy`: nobody is stopped here, only in handlers.
    pub default_policy_disabled: bool,
}

/// Whom the barrier let in, and whether limited access counted.
#[derive(Debug, Clone)]
struct Admitted {
    credentials: Credentials,
    limited: LimitedAccess,
}

/// Lets the request pass or says why not; the request's path must be relative to the plugin's mount.
///
/// Puts the door into the extensions (handlers verify lazily on open routes) and, where the barrier verified somebody,
/// who that is, for the extractors.
///
/// # Errors
///
/// 401 `Missing credentials` or what is wrong with the token; 403 when the token is for other plugins only, or when a page
/// of another origin would change something without one.
pub async fn admit(door: &Arc<PluginDoor>, request: &mut Request<Body>) -> Result<(), BackstageError> {
    request.extensions_mut().insert(Arc::clone(door));
    let Some(limited) = door.barrier(request.uri().path()) else {
        // What a policy opens, every stranger may do; a page of another site gains nothing.
        return match door.default_policy_disabled {
            true => forgery::refuse(request),
            false => Ok(()),
        };
    };
    let credentials = door
        .authenticator
        .authenticate(request.headers(), door.visit(limited, request.extensions()))
        .await?;
    if *credentials.principal() == Principal::None {
        return Err(BackstageError::authentication("Missing credentials"));
    }
    forgery::refuse(request)?;
    let admitted = Admitted { credentials, limited };
    request.extensions_mut().insert(admitted);
    Ok(())
}

impl PluginDoor {
    /// What the barrier asks for on the path: nothing, or credentials with or without limited ones.
    fn barrier(&self, path: &str) -> Option<LimitedAccess> {
        let open = |policy: &AuthPolicy| policy.allow == Allow::Unauthenticated && covers(policy.path, path);
        if self.default_policy_disabled || covers(KEYS_PATH, path) || self.policies.iter().any(open) {
            return None;
        }
        let cookie = |policy: &AuthPolicy| policy.allow == Allow::UserCookie && covers(policy.path, path);
        Some(if self.policies.iter().any(cookie) {
            LimitedAccess::Allowed
        } else {
            LimitedAccess::Refused
        })
    }

    /// Returns the caller, verified again unless the barrier did it the same way.
    pub(super) async fn credentials(
        &self,
        parts: &http::request::Parts,
        limited: LimitedAccess,
    ) -> Result<Credentials, BackstageError> {
        if let Some(admitted) = parts.extensions.get::<Admitted>()
            && admitted.limited == limited
        {
            return Ok(admitted.credentials.clone());
        }
        self.authenticator
            .authenticate(&parts.headers, self.visit(limited, &parts.extensions))
            .await
    }

    /// What a token of a request with these extensions is shown for.
    pub(super) fn visit(&self, limited: LimitedAccess, extensions: &Extensions) -> Visit {
        Visit {
            plugin_id: self.plugin_id,
            limited,
            client: extensions.get::<Arrival>().map(|arrival| arrival.client),
        }
    }
}

/// Whether a policy for `pattern` covers `path`: itself and everything below at a segment boundary, ignoring case.
fn covers(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    if pattern.is_empty() || pattern == "*" {
        return true;
    }
    let Some(start) = path.get(..pattern.len()) else {
        return false;
    };
    let boundary = path.as_bytes().get(pattern.len());
    start.eq_ignore_ascii_case(pattern) && boundary.is_none_or(|byte| *byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_policy_covers_its_path_and_all_below_it_ignoring_case() {
        for path in ["/err", "/ERR", "/err/", "/err/x", "/Err/x/y"] {
            assert!(covers("/err", path), "{path}");
        }
    }

    #[test]
    fn a_policy_ends_at_a_segment_boundary() {
        for path in ["/errx", "/er", "/", "", "/x/err", "//err", "/err%2Fx"] {
            assert!(!covers("/err", path), "{path}");
        }
    }

    #[test]
    fn the_root_and_the_star_cover_everything() {
        for pattern in ["/", "*"] {
            assert!(covers(pattern, "/") && covers(pattern, "/a/b") && covers(pattern, ""));
        }
    }

    #[test]
    fn a_path_cut_inside_a_character_is_no_match() {
        assert!(!covers("/err", "/erä"));
    }
}
