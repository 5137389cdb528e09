//! `stagedoor check`: can the keys be had that callers' tokens are verified with?

use super::{
    Authenticator,
    authenticator::Inner,
    external::Method,
    key_fetch,
    key_store::{NamedBy, Place},
    outage::shown,
    refusal::Refusal,
};
use crate::backstage::plugin::Check;

const NO_OUTSIDER: &str =
    "so no token of this entry is accepted; correct its options.url, or the identity provider";

const NO_PLUGIN: &str = "so none of its calls is accepted; correct its target in discovery.endpoints. A plugin that never called another \
                         one has no keys yet: run a Template once, then check again";

impl Authenticator {
    /// Fetches the keys that sign user tokens, from where the door would; `cure` says which setting leads there.
    pub async fn check_user_keys(&self, cure: &str) -> Check {
        let cure = format!(
            "without it no portal user can be let in. {cure}; before its first sign-in a portal has no keys"
        );
        self.0
            .check_keys("Backstage's user keys", self.0.user_keys(), &cure)
            .await
    }

    /// Fetches the other key documents that the configuration names.
    pub async fn check_further_keys(&self) -> Vec<Check> {
        let (inner, mut checks) = (&*self.0, Vec::new());
        for entry in &inner.config.external {
            if let Method::Jwks(provider) = &entry.method {
                let name = format!("Keys of {}", provider.key);
                checks.push(inner.check_keys(&name, Ok(provider.place()), NO_OUTSIDER).await);
            }
        }
        let discovery = inner.discovery.get();
        let mut writing: Vec<_> = inner.config.writing_plugins().collect();
        writing.sort_unstable();
        writing.retain(|id| discovery.names(id) && !discovery.serves(id));
        for id in writing {
            let (name, place) = (
                format!("Keys of the plugin '{id}'"),
                inner.plugin_keys(id, NamedBy::Configuration),
            );
            checks.push(inner.check_keys(&name, place, NO_PLUGIN).await);
        }
        checks
    }
}

impl Inner {
    async fn check_keys(&self, name: &str, place: Result<Place, Refusal>, cure: &str) -> Check {
        let outcome = match place {
            Err(refusal) => Err(refusal.to_string()),
            Ok(place) => {
                let address = shown(&place.url);
                match key_fetch::key_set(self.keys.http(), &place.url).await {
                    Err(why) => Err(format!("{address}: {why}; {cure}")),
                    Ok(keys) if keys.is_empty() => {
                        Err(format!("{address} has no key that can be used; {cure}"))
                    }
                    Ok(keys) => Ok(format!("{} keys at {address}", keys.len())),
                }
            }
        };
        Check::new(name, outcome)
    }
}
