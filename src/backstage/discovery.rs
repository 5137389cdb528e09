//! Where plugins live: ours here, others where `discovery.endpoints`, `stagedoor.upstream` or `backend.baseUrl` say.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::{
    config::{ConfigError, ConfigReader, Value},
    infra::http_server::ListenAddress,
};

/// What JavaScript's `encodeURIComponent` leaves alone.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The base address of every plugin, as Backstage's `HostDiscovery` computes them.
///
/// One departure: an id that nobody serves here and that is not listed is looked for at the portal
/// (`stagedoor.upstream`, else `backend.baseUrl`), not at this process, because we stand apart from it.
#[derive(Debug)]
pub struct Discovery {
    here: Arc<Here>,
    named: HashMap<String, Target>,
    fallback: Target,
}

/// What stays from the start to the end: who we are and where the portal is. If a reload moved these, some calls would
/// follow while what is passed on, and the socket, stay.
#[derive(Debug)]
struct Here {
    served: HashSet<String>,
    off: HashSet<String>,
    listen: Option<ListenAddress>,
    own_origin: String,
    upstream: Option<String>,
    external_origin: String,
}

/// One `discovery.endpoints[].target`; a missing half keeps the default address.
#[derive(Debug, Clone, Default)]
struct Target {
    internal: Option<String>,
    external: Option<String>,
}

impl Discovery {
    /// Reads `discovery.endpoints`, `backend.baseUrl`, `stagedoor.upstream` and the listen address.
    ///
    /// # Errors
    ///
    /// Every key that is missing or malformed, and every id we do not serve that would be looked for at ourselves.
    pub fn from_config(reader: &ConfigReader, served_plugin_ids: &[&str]) -> Result<Self, Vec<ConfigError>> {
        Self::listening_at(reader, served_plugin_ids, None)
    }

    /// The same for a process whose `--listen` overrides the configured address.
    ///
    /// # Errors
    ///
    /// As `from_config`.
    pub fn listening_at(
        reader: &ConfigReader,
        served_plugin_ids: &[&str],
        listen: Option<&str>,
    ) -> Result<Self, Vec<ConfigError>> {
        Self::with_plugins_off(reader, served_plugin_ids, &[], listen)
    }

    /// The same for a process that has plugins without a section: they answer 501, so they may be looked for here.
    ///
    /// # Errors
    ///
    /// As `from_config`.
    pub fn with_plugins_off(
        reader: &ConfigReader,
        served_plugin_ids: &[&str],
        off: &[&str],
        listen: Option<&str>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let base_url = note(&mut errors, reader.string("backend.baseUrl")).unwrap_or_default();
        let upstream = note(&mut errors, reader.optional_string("stagedoor.upstream")).flatten();
        let listen = note(&mut errors, ListenAddress::read(reader, listen));
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let here = Here {
            served: owned(served_plugin_ids),
            off: owned(off),
            own_origin: own_origin(reader, listen.as_ref()),
            listen,
            upstream: upstream.map(|upstream| upstream.trim_end_matches('/').to_owned()),
            external_origin: base_url.trim_end_matches('/').to_owned(),
        };
        Self::of(Arc::new(here), reader, errors)
    }

    /// The same place with the `discovery.endpoints` of a changed configuration.
    ///
    /// # Errors
    ///
    /// As `from_config`.
    pub fn following(&self, reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        Self::of(Arc::clone(&self.here), reader, Vec::new())
    }

    fn of(
        here: Arc<Here>,
        reader: &ConfigReader,
        mut errors: Vec<ConfigError>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut discovery = Self {
            here,
            named: HashMap::new(),
            fallback: Target::default(),
        };
        match reader.optional_config_array("discovery.endpoints") {
            Ok(entries) => {
                for entry in entries.unwrap_or_default() {
                    errors.extend(discovery.add(&entry).err());
                }
            }
            Err(error) => errors.push(error),
        }
        if errors.is_empty() {
            errors = discovery.self_references();
        }
        if errors.is_empty() {
            Ok(discovery)
        } else {
            Err(errors)
        }
    }

    /// Whether this process answers for the plugin.
    pub fn serves(&self, plugin_id: &str) -> bool {
        self.here.served.contains(plugin_id)
    }

    /// Whether `discovery.endpoints` lists the plugin by name.
    pub fn names(&self, plugin_id: &str) -> bool {
        self.named.contains_key(plugin_id)
    }

    /// Returns the address one backend calls the plugin at, without a trailing slash.
    pub fn internal_base(&self, plugin_id: &str) -> String {
        if self.serves(plugin_id) {
            return default_base(&self.here.own_origin, plugin_id);
        }
        match &self.target(plugin_id).internal {
            Some(template) => fill(template, plugin_id),
            None => default_base(self.here.portal_origin(), plugin_id),
        }
    }

    /// Returns the address a browser calls the plugin at, without a trailing slash.
    pub fn external_base(&self, plugin_id: &str) -> String {
        match &self.target(plugin_id).external {
            Some(template) => fill(template, plugin_id),
            None => default_base(&self.here.external_origin, plugin_id),
        }
    }

    fn target(&self, plugin_id: &str) -> &Target {
        self.named.get(plugin_id).unwrap_or(&self.fallback)
    }

    fn add(&mut self, entry: &ConfigReader) -> Result<(), ConfigError> {
        let target = Target::read(entry)?;
        let plugins = entry.optional_string_array("plugins")?.ok_or_else(|| {
            ConfigError::new(format!(
                "Missing required config value at '{}': list the plugin ids this target is for",
                entry.full_key("plugins")
            ))
        })?;
        // The last entry naming a plugin wins, as in Backstage.
        for plugin in plugins {
            if plugin == "*" {
                self.fallback = target.clone();
            } else {
                self.named.insert(plugin, target.clone());
            }
        }
        Ok(())
    }

    fn self_references(&self) -> Vec<ConfigError> {
        let Some(listen) = &self.here.listen else {
            return Vec::new();
        };
        let circle = self
            .here
            .upstream
            .iter()
            .any(|upstream| reaches(upstream, listen));
        let mut ids: Vec<&str> = self.named.keys().map(String::as_str).collect();
        ids.sort_unstable();
        // `auth` stands for every id that is not listed; its keys are the first thing we need.
        if !self.names("auth") && !circle {
            ids.push("auth");
        }
        let lost = |id: &&str| {
            !self.serves(id) && !self.here.off.contains(*id) && reaches(&self.internal_base(id), listen)
        };
        let in_front = self.here.upstream.is_some();
        let lost = ids
            .into_iter()
            .filter(lost)
            .map(|id| looked_for_here(id, in_front));
        circle.then(leads_back).into_iter().chain(lost).collect()
    }
}

impl Here {
    /// Where the portal's other plugins are unless something else is said.
    fn portal_origin(&self) -> &str {
        self.upstream.as_deref().unwrap_or(&self.external_origin)
    }
}

fn looked_for_here(id: &str, in_front: bool) -> ConfigError {
    let cure = if in_front {
        "Point it in 'discovery.endpoints' at your Backstage backend, as 'stagedoor.upstream' does, or take it out there"
    } else {
        "List it in 'discovery.endpoints' with the address of your Backstage backend, or set 'stagedoor.upstream' to that \
         address, or give this service a port of its own with 'stagedoor.listen'"
    };
    ConfigError::new(format!(
        "The plugin '{id}' would be looked for at this service itself, which does not serve it. {cure}"
    ))
}

fn leads_back() -> ConfigError {
    ConfigError::new(
        "'stagedoor.upstream' is this service itself, so everything it passes on would come back. Set it to the address \
         of your Backstage backend, or give this service a port of its own with 'stagedoor.listen'",
    )
}

impl Target {
    fn read(entry: &ConfigReader) -> Result<Self, ConfigError> {
        if let Some(Value::String(_)) = entry.get("target")? {
            let both = entry.string("target")?;
            check_target(&both, &entry.full_key("target"))?;
            return Ok(Self {
                internal: Some(both.clone()),
                external: Some(both),
            });
        }
        let halves = entry.config("target")?;
        let half = |key: &str| -> Result<Option<String>, ConfigError> {
            let half = halves.optional_string(key)?;
            half.iter()
                .try_for_each(|half| check_target(half, &halves.full_key(key)))?;
            Ok(half)
        };
        Ok(Self {
            internal: half("internal")?,
            external: half("external")?,
        })
    }
}

/// Whether a call to the address would arrive at a process that listens there.
fn reaches(address: &str, listen: &ListenAddress) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    if url.port_or_known_default() != Some(listen.port) {
        return false;
    }
    let here = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    };
    let listens_on_loopback = matches!(
        listen.host.as_str(),
        "" | "::" | "0.0.0.0" | "localhost" | "::1" | "127.0.0.1"
    );
    (here && listens_on_loopback) || url.host_str().is_some_and(|host| host == listen.host)
}

/// The address Backstage would give for itself: wildcards become this machine's own name.
fn own_origin(reader: &ConfigReader, listen: Option<&ListenAddress>) -> String {
    let scheme = if reader.has("backend.https") {
        "https"
    } else {
        "http"
    };
    listen
        .map(|listen| format!("{scheme}://{}", listen.local_authority()))
        .unwrap_or_default()
}

fn check_target(target: &str, key: &str) -> Result<(), ConfigError> {
    if target.starts_with("http+srv:") || target.starts_with("https+srv:") {
        return Err(ConfigError::new(format!(
            "'{key}' uses a DNS service record (+srv), which is not supported; write the address with http:// or https://"
        )));
    }
    match Url::parse(&fill(target, "id")) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err(ConfigError::new(format!(
            "'{key}' must be an address that begins with http:// or https://"
        ))),
    }
}

/// Replaces every `{{pluginId}}`, spaces allowed inside, and drops trailing slashes.
pub(crate) fn fill(template: &str, plugin_id: &str) -> String {
    let encoded = utf8_percent_encode(plugin_id, COMPONENT).to_string();
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        match after.split_once("}}") {
            Some((name, tail)) if name.trim() == "pluginId" => {
                filled.push_str(&encoded);
                rest = tail;
            }
            _ => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled.trim_end_matches('/').to_owned()
}

fn default_base(origin: &str, plugin_id: &str) -> String {
    format!("{origin}/api/{}", utf8_percent_encode(plugin_id, COMPONENT))
}

fn note<T>(errors: &mut Vec<ConfigError>, result: Result<T, ConfigError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}
