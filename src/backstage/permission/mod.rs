//! What a caller may do: permissions, the limits an operator put on a service's token, and the portal's policy.

mod basic;
mod needs;
mod permissions;
mod routes;
mod settings;
mod verdicts;

pub use basic::{Action, Permission};
pub use needs::{Judged, Needs};
pub use permissions::Permissions;
pub use settings::PermissionSettings;
pub use verdicts::Verdicts;

pub(crate) use settings::LIVE_KEYS;

pub(super) use routes::routes;
