//! Requests that were submitted and are not on the platform yet: recorded by a Template's last step, shown to the
//! catalog and to whoever asks, withdrawn when what was asked for has come about or was rejected.

mod entity;
mod feed;
#[cfg(test)]
mod feed_tests;
mod input;
mod known;
mod lifecycle;
#[cfg(test)]
mod lifecycle_tests;
mod list;
mod record;
mod refresh;
mod request;
mod seen;
mod store;
#[cfg(test)]
mod store_tests;
mod sweep;
#[cfg(test)]
mod testing;
mod timers;

use std::sync::Arc;

use self::{feed::FeedKeeper, known::Known};
use super::config::Config;
use crate::{
    config::Live,
    infra::{database::Database, tasks::Tasks},
};

pub(super) use self::{
    feed::Feed,
    input::RecordInput,
    lifecycle::Sight,
    list::{Filter, MOST_LISTED, Page},
    record::Recorded,
    refresh::Unseen,
    request::Action,
    timers::start,
};

/// All that is done with recorded requests.
pub(super) struct Pending {
    database: Database,
    tasks: Tasks,
    config: Live<Config>,
    known: Known,
    feed: FeedKeeper,
}

impl Pending {
    /// Opens nothing yet.
    pub(super) fn new(database: Database, tasks: Tasks, config: Live<Config>) -> Arc<Self> {
        Arc::new(Self {
            database,
            tasks,
            config,
            known: Known::default(),
            feed: FeedKeeper::default(),
        })
    }
}
