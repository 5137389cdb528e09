//! A permission, and the limits an operator put on a service's token.

use std::fmt;

use serde_json::{Value, json};

use crate::backstage::{
    auth::{AccessRestrictions, Credentials, Principal},
    error::BackstageError,
};

/// The one attribute that `accessRestrictions` can name.
const ACTION: &str = "action";

/// A basic permission, as the permission framework knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Its name, such as `spacelift.stack.read`.
    pub name: &'static str,
    /// What it lets one do.
    pub action: Action,
}

/// The attribute `action` of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Makes something new.
    Create,
    /// Only looks.
    Read,
    /// Changes what is there.
    Update,
    /// Removes something.
    Delete,
}

impl Permission {
    /// A permission of this name.
    pub const fn new(name: &'static str, action: Action) -> Self {
        Self { name, action }
    }

    /// As the permission framework writes it.
    pub(super) fn described(&self) -> Value {
        let action = self.action.to_string();
        json!({ "type": "basic", "name": self.name, "attributes": { "action": action } })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

impl Credentials {
    /// Checks the limits of a service's token, as Backstage does whether or not permissions are enabled.
    ///
    /// Users pass: only the permission plugin can judge them. Errors: 403 `NotAllowedError`.
    pub fn admits(&self, permission: &Permission) -> Result<(), BackstageError> {
        let Principal::Service(service) = self.principal() else {
            return Ok(());
        };
        match &service.access_restrictions {
            Some(limits) if !limits.admit(permission) => Err(BackstageError::not_allowed(format!(
                "This token may not be used for '{}' (action '{}'); add it to the token's \
                 backend.auth.externalAccess[].accessRestrictions if it should be",
                permission.name, permission.action
            ))),
            _ => Ok(()),
        }
    }
}

impl AccessRestrictions {
    /// Whether both limits, where given, name the permission.
    fn admit(&self, permission: &Permission) -> bool {
        let lists = |listed: &Vec<String>, wanted: &str| listed.iter().any(|each| each == wanted);
        let named = self
            .permission_names
            .as_ref()
            .is_none_or(|names| lists(names, permission.name));
        // An attribute we do not know cannot be fulfilled.
        let mut attributes = self.permission_attributes.iter().flatten();
        named
            && attributes.all(|(key, values)| key == ACTION && lists(values, &permission.action.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::StatusCode;

    use super::*;
    use crate::backstage::auth::ServicePrincipal;

    const TRIGGER: Permission = Permission {
        name: "spacelift.run.trigger",
        action: Action::Update,
    };

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn service(access_restrictions: Option<AccessRestrictions>) -> Credentials {
        let subject = "external:ci".to_owned();
        let principal = Principal::Service(ServicePrincipal {
            subject,
            access_restrictions,
        });
        Credentials::new(principal, None, None)
    }

    fn limited(names: Option<&[&str]>, actions: Option<&[&str]>) -> Credentials {
        service(Some(AccessRestrictions {
            permission_names: names.map(words),
            permission_attributes: actions
                .map(|actions| BTreeMap::from([(ACTION.to_owned(), words(actions))])),
        }))
    }

    #[test]
    fn a_service_without_limits_and_one_limited_only_to_the_plugin_may_do_everything() {
        assert!(service(None).admits(&TRIGGER).is_ok());
        assert!(limited(None, None).admits(&TRIGGER).is_ok());
        assert!(Credentials::none().admits(&TRIGGER).is_ok());
    }

    #[test]
    fn each_limit_that_is_given_must_name_the_permission() {
        let (this, other) = (
            Some(&["x", "spacelift.run.trigger"][..]),
            Some(&["spacelift.stack.read"][..]),
        );
        let (update, read) = (Some(&["read", "update"][..]), Some(&["read"][..]));
        for (names, actions, may) in [
            (this, None, true),
            (other, None, false),
            (None, update, true),
            (None, read, false),
            (this, update, true),
            (this, read, false),
            (other, update, false),
            (Some(&[][..]), None, false),
        ] {
            let verdict = limited(names, actions).admits(&TRIGGER);
            assert_eq!(verdict.is_ok(), may, "{names:?} {actions:?}");
        }
    }

    #[test]
    fn the_refusal_is_a_403_that_names_the_permission() {
        let error = limited(Some(&[]), None).admits(&TRIGGER).unwrap_err();
        assert_eq!(
            (error.name(), error.status()),
            ("NotAllowedError", StatusCode::FORBIDDEN)
        );
        assert!(
            error
                .message()
                .contains("'spacelift.run.trigger' (action 'update')")
        );
    }
}
