//! Who may come in: finding, verifying and caching the caller's token.

mod authenticator;
mod claims;
mod clock;
mod config;
mod cookie;
mod credentials;
mod door;
mod external;
mod external_config;
mod extract;
mod forgery;
mod issuer;
mod key_fetch;
mod key_set;
mod key_source;
mod key_store;
mod limited_token;
mod own;
mod plugin_token;
mod policy;
mod refusal;
mod token;
mod user_token;
mod verified;

pub use authenticator::Authenticator;
pub use clock::Clock;
pub use config::AuthConfig;
pub use cookie::plugin_auth_routes;
pub use credentials::{AccessRestrictions, Credentials, Principal, ServicePrincipal, UserPrincipal};
pub use door::{PluginDoor, admit, is_key_document};
pub use extract::{CookieUserCredentials, ServiceCredentials, UserCredentials};
pub use issuer::TokenIssuer;
pub use policy::{Allow, AuthPolicy, LimitedAccess};
