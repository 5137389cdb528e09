//! What a path demands of its callers.

/// What a path below a plugin's mount demands when it is not the default (user or service credentials).
///
/// The path covers itself and everything below it at a segment boundary, ignoring case
/// (Backstage's `httpRouter.addAuthPolicy`).
#[derive(Debug, Clone, Copy)]
pub struct AuthPolicy {
    /// Relative to the plugin's mount: `/health`.
    pub path: &'static str,
    /// What is let through.
    pub allow: Allow,
}

/// Who passes the barrier of an `AuthPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allow {
    /// Everybody; the handler may still ask for credentials.
    Unauthenticated,
    /// Users, also with the cookie or a limited token.
    UserCookie,
}

/// Whether the cookie and limited user tokens count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitedAccess {
    /// They do; for routes under a `UserCookie` policy.
    Allowed,
    /// Only the full token in `Authorization` does.
    Refused,
}
