//! Asks the catalog to read an address of ours again, because what it holds has changed.
//!
//! The catalog reads registered addresses every two minutes or so. Each one is an entity of its own, which can be
//! refreshed at once (`@backstage/plugin-catalog-backend`, `POST /refresh`).

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::{sync::Notify, time::sleep};
use tracing::warn;

use super::{
    plugin::PluginEnv,
    plugin_client::{Bearer, PluginCall, PluginClient},
};
use crate::config::{ConfigError, ConfigReader};

/// The plugin that reads the addresses.
const CATALOG: &str = "catalog";

/// Where the portal registers what its catalog reads.
const LOCATIONS: &str = "catalog.locations";

/// Changes within this time become one refresh.
const GATHER: Duration = Duration::from_millis(500);

/// The catalog's entries for some addresses of ours. Asking it again and again costs one call each in half a second.
#[derive(Debug)]
pub struct CatalogLocations {
    /// Wakes the task that asks; what comes while it is asking is not forgotten.
    changed: Arc<Notify>,
}

impl CatalogLocations {
    /// For the entries of `catalog.locations` in the portal's app-config whose address is one of ours; asks nothing. A
    /// section that cannot be read names none, and is for Backstage to complain about.
    pub fn find(plugin_id: &'static str, env: &PluginEnv, is_ours: impl Fn(&str) -> bool) -> Self {
        let targets = targets(&env.config.reader()).unwrap_or_default();
        let ours = targets.iter().filter(|target| is_ours(target));
        let entities: Vec<String> = ours.map(|target| entity(target)).collect();
        let changed = Arc::new(Notify::new());
        if !entities.is_empty() {
            let asking = ask(PluginClient::new(plugin_id, env), entities, Arc::clone(&changed));
            env.tasks.spawn_until_shutdown(asking);
        }
        Self { changed }
    }

    /// Asks for a refresh soon, in the background. A catalog that refuses is told of in the log: it reads the address
    /// anyway, only later.
    pub fn refresh_soon(&self) {
        self.changed.notify_one();
    }
}

async fn ask(client: PluginClient, entities: Vec<String>, changed: Arc<Notify>) {
    loop {
        changed.notified().await;
        sleep(GATHER).await;
        for entity in &entities {
            refresh(&client, entity).await;
        }
    }
}

async fn refresh(client: &PluginClient, entity: &str) {
    let answer = client.call(PluginCall {
        plugin: CATALOG,
        method: Method::POST,
        path: "/refresh",
        body: Some(json!({ "entityRef": entity })),
        bearer: Bearer::Plugin,
    });
    let problem = match answer.await {
        Ok(answer) if answer.status.is_success() => return,
        Ok(answer) => format!("it answers {}", answer.status),
        Err(error) => error.to_string(),
    };
    warn!("The catalog was not told to read {entity} again and will do so later by itself: {problem}");
}

/// The addresses the catalog is told to read.
fn targets(reader: &ConfigReader) -> Result<Vec<String>, ConfigError> {
    let entries = reader.optional_config_array(LOCATIONS)?.unwrap_or_default();
    let target = |entry: &ConfigReader| {
        let kind = entry.optional_string("type").ok().flatten()?;
        let target = entry.optional_string("target").ok().flatten()?;
        (kind == "url").then_some(target)
    };
    Ok(entries.iter().filter_map(target).collect())
}

/// The entity that stands for a registered address (`@backstage/plugin-catalog-node`, locationSpecToMetadataName).
fn entity(target: &str) -> String {
    let digest = Sha1::digest(format!("url:{target}"));
    format!("location:default/generated-{}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_name_the_catalog_gives_it() {
        assert_eq!(
            entity("https://stagedoor.example.com/api/ske/catalog/x/pending-requests.yaml"),
            "location:default/generated-37e9ff3db9da36050a2249a1d7be534fc0534f2e"
        );
    }
}
