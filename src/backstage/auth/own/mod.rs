//! The keys we sign with and publish, per plugin id.

mod keys;
mod ring;
mod settings;
mod signing_key;
mod store;

pub(super) use keys::OwnKeys;
pub(super) use ring::{LONGEST_TOKEN, NoKey};
pub(super) use settings::KeySettings;
pub(super) use store::KeyTable;
