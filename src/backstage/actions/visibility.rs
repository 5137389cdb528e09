//! Who sees an action that names a permission for that.

use crate::backstage::{
    auth::{Credentials, Principal},
    permission::Permission,
};

/// Whether the caller sees the action.
///
/// A service is judged by its own limits. Users are judged by the permission backend, which this version does not ask;
/// so where permissions are enabled such an action stays hidden from them rather than open.
pub(super) fn is_visible(
    needed: Option<&Permission>,
    caller: &Credentials,
    permissions_enabled: bool,
) -> bool {
    let Some(needed) = needed else {
        return true;
    };
    match caller.principal() {
        Principal::Service(_) => caller.admits(needed).is_ok(),
        Principal::User(_) | Principal::None => !permissions_enabled,
    }
}
