//! The kinds that Promises offer which lie in the repository.

use std::{collections::BTreeMap, sync::Arc};

use super::identity::Identity;
use crate::config::{Object, Value as Yaml};

/// API group and kind.
pub(super) type Offer = (Box<str>, Box<str>);

/// What each file's Promises offer; few files hold any.
#[derive(Debug, Default)]
pub(super) struct Promised(BTreeMap<Arc<str>, Box<[Offer]>>);

impl Promised {
    /// Takes the place of what the file offered before.
    pub(super) fn set(&mut self, path: &Arc<str>, offers: Vec<Offer>) {
        if !offers.is_empty() {
            self.0.insert(path.clone(), offers.into());
        }
    }

    /// Drops what the file offered.
    pub(super) fn forget(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Each group and kind, those of several Promises each time.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.values().flat_map(|offers| offers.iter());
        all.map(|(group, kind)| (&**group, &**kind))
    }
}

/// The group and kind that a document offers when it is a Promise: those of the definition in `spec.api`.
pub(super) fn offered_by(identity: &Identity, object: &Object) -> Option<Offer> {
    if (&*identity.group, &*identity.kind) != ("platform.kratix.io", "Promise") {
        return None;
    }
    let definition = within(within(within(object, "spec")?, "api")?, "spec")?;
    let group = text(definition, "group")?;
    let kind = text(within(definition, "names")?, "kind")?;
    Some((group.into(), kind.into()))
}

fn within<'a>(object: &'a Object, field: &str) -> Option<&'a Object> {
    object.get(field)?.as_object()
}

fn text<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    match object.get(field)? {
        Yaml::String(text) => Some(text),
        _ => None,
    }
}
