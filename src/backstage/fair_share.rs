//! At most so many places for one caller, so that no single one takes those of all.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::auth::Credentials;

/// Places held now, by subject.
type Held = Arc<Mutex<HashMap<String, usize>>>;

/// Hands out places. The user counts and not the plugin that calls in the user's name; all callers without credentials
/// count as one.
#[derive(Debug)]
pub(super) struct FairShare {
    each: usize,
    held: Held,
}

/// One place; it is free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    subject: String,
    held: Held,
}

impl FairShare {
    /// So many places for each subject.
    pub(super) fn new(each: usize) -> Self {
        Self {
            each,
            held: Held::default(),
        }
    }

    /// Takes a place for the caller, if one of theirs is left.
    pub(super) fn take(&self, caller: &Credentials) -> Option<Place> {
        let subject = caller.subject().unwrap_or_default();
        let mut held = self.held.lock();
        let count = held.entry(subject.to_owned()).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Place {
            subject: subject.to_owned(),
            held: Arc::clone(&self.held),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backstage::auth::{Principal, ServicePrincipal, UserPrincipal};

    fn principal(subject: &str) -> ServicePrincipal {
        ServicePrincipal {
            subject: subject.to_owned(),
            access_restrictions: None,
        }
    }

    fn user(name: &str, actor: Option<&str>) -> Credentials {
        let actor = actor.map(principal);
        let user_entity_ref = name.to_owned();
        let user = UserPrincipal {
            user_entity_ref,
            actor,
        };
        Credentials::new(Principal::User(user), None, None)
    }

    fn service(subject: &str) -> Credentials {
        Credentials::new(Principal::Service(principal(subject)), None, None)
    }

    #[test]
    fn each_subject_has_places_of_its_own_whichever_way_it_comes() {
        let share = FairShare::new(2);
        for (first, second, third, other) in [
            (
                user("user:a/j", None),
                user("user:a/j", Some("plugin:scaffolder")),
                user("user:a/j", None),
                user("user:a/k", Some("plugin:scaffolder")),
            ),
            (service("ci"), service("ci"), service("ci"), service("ci2")),
            (
                Credentials::none(),
                Credentials::none(),
                Credentials::none(),
                service("x"),
            ),
        ] {
            let places = [share.take(&first).unwrap(), share.take(&second).unwrap()];
            assert!(share.take(&third).is_none(), "{third:?}");
            assert!(share.take(&other).is_some(), "{other:?}");
            drop(places);
            assert!(share.take(&third).is_some(), "{third:?}");
        }
        assert!(share.held.lock().is_empty());
    }
}
