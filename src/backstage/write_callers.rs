//! Who may write on ways that no form, visibility or policy of the portal guards.
//!
//! A Template is guarded by all three; an action or a route of our own that anybody signed in could call is not. So it
//! wants the caller to come through a plugin that does the guarding, by default the scaffolder.

use super::{
    auth::{Credentials, Principal},
    error::BackstageError,
};
use crate::config::{ConfigError, ConfigReader};

/// The key that lists them.
const KEY: &str = "stagedoor.actions.writeCallers";

/// In the list, it lets in whoever calls by himself.
const DIRECT: &str = "direct";

/// The plugins through which a user may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteCallers(Vec<String>);

impl WriteCallers {
    /// Reads the list; by default the scaffolder alone.
    ///
    /// # Errors
    /// The value is no list of text.
    pub fn read(reader: &ConfigReader) -> Result<Self, ConfigError> {
        let listed = reader.optional_string_array(KEY)?;
        Ok(Self(listed.unwrap_or_else(|| vec!["scaffolder".to_owned()])))
    }

    /// Lets the caller write, or says which entry would.
    ///
    /// Callers from outside Backstage pass: what they may do stands in their own access restrictions.
    ///
    /// # Errors
    /// 403 `NotAllowedError` that names the key.
    pub fn admit(&self, caller: &Credentials) -> Result<(), BackstageError> {
        let way = match caller.principal() {
            Principal::Service(service) => match service.plugin_id() {
                None => return Ok(()),
                Some(plugin) => plugin,
            },
            Principal::User(user) => match &user.actor {
                Some(actor) => actor.plugin_id().unwrap_or(&actor.subject),
                None => DIRECT,
            },
            Principal::None => DIRECT,
        };
        if self.0.iter().any(|listed| listed == way) {
            return Ok(());
        }
        let refusal = if way == DIRECT {
            format!("This may not be called directly; run it from a Template, or add '{DIRECT}' to {KEY}")
        } else {
            format!("This may not be called through the plugin '{way}'; add it to {KEY} if it should be")
        };
        Err(BackstageError::not_allowed(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::auth::{ServicePrincipal, UserPrincipal},
        *,
    };

    fn service(subject: &str) -> ServicePrincipal {
        ServicePrincipal {
            subject: subject.to_owned(),
            access_restrictions: None,
        }
    }

    fn user(actor: Option<&str>) -> Credentials {
        let principal = UserPrincipal {
            user_entity_ref: "user:default/jane".to_owned(),
            actor: actor.map(service),
        };
        Credentials::new(Principal::User(principal), None, None)
    }

    fn plugin(subject: &str) -> Credentials {
        Credentials::new(Principal::Service(service(subject)), None, None)
    }

    #[track_caller]
    fn decide(listed: &[&str], caller: &Credentials, may: bool) {
        let callers = WriteCallers(listed.iter().map(ToString::to_string).collect());
        assert_eq!(callers.admit(caller).is_ok(), may, "{listed:?} {caller:?}");
    }

    #[test]
    fn a_user_comes_through_a_plugin_that_is_listed() {
        decide(&["scaffolder"], &user(Some("plugin:scaffolder")), true);
        decide(&["scaffolder"], &user(Some("plugin:mcp-actions")), false);
        decide(
            &["scaffolder", "mcp-actions"],
            &user(Some("plugin:mcp-actions")),
            true,
        );
        decide(&["scaffolder"], &user(None), false);
        decide(&["scaffolder", "direct"], &user(None), true);
        decide(&["scaffolder"], &Credentials::none(), false);
    }

    #[test]
    fn a_plugin_without_a_user_must_be_listed_too_and_callers_from_outside_have_their_own_limits() {
        decide(&["scaffolder"], &plugin("plugin:scaffolder"), true);
        decide(&["scaffolder", "direct"], &plugin("plugin:catalog"), false);
        decide(&[], &plugin("external:ci"), true);
        decide(&[], &plugin("ci"), true);
    }

    #[test]
    fn the_refusal_names_the_key() {
        let error = WriteCallers(Vec::new()).admit(&user(None)).unwrap_err();
        assert!(
            error
                .message()
                .contains("'direct' to stagedoor.actions.writeCallers")
        );
    }
}
