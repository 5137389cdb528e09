//! Whether the portal finds us: what its own configuration says about the ids we serve.

pub(super) mod lines;

use url::{Host, Url};

use crate::{
    backstage::{builder::Registration, discovery::fill},
    config::{ConfigReader, Value},
    infra::http_server::ListenAddress,
};

/// What is said at the start and by `check`.
#[derive(Debug, Default)]
pub struct Portal {
    /// What is on, and whether Templates have its actions.
    pub on: Vec<String>,
    /// What is off, and why.
    pub off: Vec<String>,
    /// Why the portal does not find what is on.
    pub warnings: Vec<String>,
}

/// The portal's configuration as far as it leads to us.
pub(super) struct View {
    listen: Option<ListenAddress>,
    upstream: Option<Url>,
    base: Option<Url>,
    entries: Vec<Entry>,
    /// `backend.actions.pluginSources`.
    sources: Vec<String>,
}

/// One of `discovery.endpoints`.
struct Entry {
    key: String,
    internal: Option<String>,
    external: Option<String>,
    plugins: Vec<String>,
}

impl Portal {
    pub(super) fn of(view: &View, registrations: &[Registration]) -> Self {
        let on = |registration: &&Registration| registration.on.is_some();
        let mut faults: Vec<(String, Vec<&str>)> = Vec::new();
        for registration in registrations.iter().filter(on) {
            for fault in view.faults(registration.id) {
                match faults.iter_mut().find(|(known, _)| *known == fault) {
                    Some((_, ids)) => ids.push(registration.id),
                    None => faults.push((fault, vec![registration.id])),
                }
            }
        }
        let warning = |(fault, ids): (String, Vec<&str>)| {
            let ids = ids.join(" and ");
            format!(
                "The portal does not find {ids}: {fault}; `stagedoor config lines` prints what is missing"
            )
        };
        let states = |on: bool| {
            let of_kind = registrations.iter().filter(move |one| one.on.is_some() == on);
            of_kind.map(|registration| view.state(registration)).collect()
        };
        Self {
            on: states(true),
            off: states(false),
            warnings: faults.into_iter().map(warning).collect(),
        }
    }
}

impl View {
    /// Reads it. What cannot be read is left out: those who use it report that.
    pub(super) fn read(reader: &ConfigReader, listen: Option<&str>) -> Self {
        let url = |key: &str| reader.optional_string(key).ok().flatten()?.parse().ok();
        let entries = reader.optional_config_array("discovery.endpoints").ok().flatten();
        let sources = reader.optional_string_array("backend.actions.pluginSources");
        Self {
            listen: ListenAddress::read(reader, listen).ok(),
            upstream: url("stagedoor.upstream"),
            base: url("backend.baseUrl"),
            entries: entries.unwrap_or_default().iter().map(Entry::read).collect(),
            sources: sources.ok().flatten().unwrap_or_default(),
        }
    }

    fn state(&self, registration: &Registration) -> String {
        let (id, section) = (registration.id, registration.section);
        match (&registration.on, self.offers_actions(id)) {
            (None, _) => format!("{id} is off, because app-config has no '{section}' section"),
            (Some(_), true) => format!("{id} is on, with actions for Templates"),
            (Some(_), false) => format!(
                "{id} is on; its actions are off, because backend.actions.pluginSources does not list it"
            ),
        }
    }

    fn offers_actions(&self, id: &str) -> bool {
        self.sources.iter().any(|source| source == id)
    }

    /// The entry that counts: the last that names the id, else the last for all.
    fn entry(&self, id: &str) -> Option<&Entry> {
        let last = |name: &str| {
            let mut entries = self.entries.iter().rev();
            entries.find(|entry| entry.plugins.iter().any(|plugin| plugin == name))
        };
        last(id).or_else(|| last("*"))
    }

    /// Why the portal does not find the id. In front, browsers do without an entry, and Templates need its internal half.
    fn faults(&self, id: &str) -> Vec<String> {
        let (browsers, backend) = (self.upstream.is_none(), self.offers_actions(id));
        let Some(entry) = self.entry(id) else {
            let who = match (browsers, backend) {
                (true, _) => "so it is looked for at backend.baseUrl",
                (false, true) => "so Templates look for its actions at Backstage itself",
                (false, false) => return Vec::new(),
            };
            return vec![format!("no entry of discovery.endpoints names it, {who}")];
        };
        let key = &entry.key;
        let halves = [
            (
                &entry.external,
                browsers,
                "external",
                "browsers look for it at backend.baseUrl",
            ),
            (
                &entry.internal,
                backend,
                "internal",
                "Templates look for its actions at Backstage itself",
            ),
        ];
        let mut faults: Vec<String> = Vec::new();
        for (target, needed, half, instead) in halves {
            let fault = match target {
                Some(target) => self.target_fault(entry, target, id),
                None => needed.then(|| format!("{key}.target has no {half} half, so {instead}")),
            };
            faults.extend(fault.filter(|fault| !faults.contains(fault)));
        }
        faults
    }

    fn target_fault(&self, entry: &Entry, target: &str, id: &str) -> Option<String> {
        let key = &entry.key;
        let url: Url = fill(target, id).parse().ok()?;
        if !url.path().trim_end_matches('/').ends_with(&format!("/api/{id}")) {
            return Some(match entry.plugins.len() > 1 && !target.contains("{{") {
                true => format!(
                    "{key}.target has no {{{{pluginId}}}}, so all plugins of the entry are looked for at {target}"
                ),
                false => format!(
                    "{key}.target leads to {}, while Stagedoor answers at /api/{id}",
                    url.path()
                ),
            });
        }
        if self
            .upstream
            .as_ref()
            .is_some_and(|upstream| upstream.origin() == url.origin())
        {
            return Some(format!(
                "{key}.target leads to stagedoor.upstream, which is Backstage itself"
            ));
        }
        let (port, own) = (url.port_or_known_default()?, self.listen.as_ref()?.port);
        (is_this_machine(&url) && own != 0 && port != own).then(|| {
            format!("{key}.target leads to port {port} of this machine, while Stagedoor listens on {own}")
        })
    }
}

impl Entry {
    fn read(entry: &ConfigReader) -> Self {
        let text = |key: &str| entry.optional_string(key).ok().flatten();
        let both = matches!(entry.get("target"), Ok(Some(Value::String(_))));
        let half = |key: &str| if both { text("target") } else { text(key) };
        Self {
            key: entry.full_key(""),
            internal: half("target.internal"),
            external: half("target.external"),
            plugins: entry
                .optional_string_array("plugins")
                .ok()
                .flatten()
                .unwrap_or_default(),
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}
