//! Requests that were submitted and are not on the platform yet: recorded by a Template's last step, shown to the
//! catalog and to whoever asks, withdrawn when what was asked for has come about or was rejected.

mod draft;
mod ending;
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
#[cfg(test)]
mod owner_tests;
mod record;
mod refresh;
#[cfg(test)]
mod replica_tests;
mod request;
mod seen;
#[cfg(test)]
mod sight_tests;
mod store;
#[cfg(test)]
mod store_tests;
mod sweep;
#[cfg(test)]
mod testing;
mod timers;
mod trouble;
#[cfg(test)]
mod turn_tests;
mod turns;

use std::sync::{Arc, OnceLock};

use self::{feed::FeedKeeper, known::Known, store::Store, trouble::Troubles, turns::Own};
use super::config::Config;
use crate::{
    backstage::{catalog::CatalogLocations, notifications::Notifications},
    config::Live,
    infra::{
        database::{Database, DatabaseError},
        tasks::Tasks,
    },
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
    troubles: Troubles,
    portal: OnceLock<Portal>,
    /// Our own rounds at the platform, and at the code hosts.
    looks: Own,
    reviews: Own,
}

/// Who in the portal is told of what happens to requests.
pub(super) struct Portal {
    /// Its catalog, as far as it reads our feed.
    pub(super) catalog: CatalogLocations,
    /// What people are told by.
    pub(super) notifications: Notifications,
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
            troubles: Troubles::default(),
            portal: OnceLock::new(),
            looks: Own::default(),
            reviews: Own::default(),
        })
    }

    /// From now on tells the portal what happens.
    pub(super) fn tell(&self, portal: Portal) {
        // There is one portal; a second call would name the same.
        let _ = self.portal.set(portal);
    }

    /// The table, if anything was ever kept; none is made.
    async fn store(&self) -> Result<Option<Store>, DatabaseError> {
        Ok(self.database.existing().await?.map(Store))
    }

    /// Tells the catalog that a record came, went or changed.
    fn changed(&self) {
        if let Some(portal) = self.portal.get() {
            portal.catalog.refresh_soon();
        }
    }
}
