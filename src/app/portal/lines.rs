//! The lines that a portal's configuration still lacks, as a file to be named last: whole lists, since lists are replaced.

use url::Url;

use super::{View, is_this_machine};
use crate::config::{self, ConfigReader, Format, Object, Origin, Value, Written, redacted};

/// Where we listen when nothing is said: beside Backstage's own port.
const PORT: u16 = 7008;

/// What follows the origin in an address of ours.
const API: &str = "/api/{{pluginId}}";

const FEED_SECRET: &str = "stagedoor.ske.pendingRequests.feedSecret";

/// Collects what is missing.
pub(in crate::app) struct Lines<'a> {
    view: View,
    reader: &'a ConfigReader,
    written: &'a Written,
    /// The ids that are switched on.
    ids: Vec<&'static str>,
    lines: Object,
    notes: Vec<String>,
}

impl<'a> Lines<'a> {
    pub(in crate::app) fn new(
        reader: &'a ConfigReader,
        written: &'a Written,
        ids: Vec<&'static str>,
    ) -> Self {
        Self {
            view: View::read(reader, None),
            reader,
            written,
            ids,
            lines: Object::new(),
            notes: Vec::new(),
        }
    }

    /// Writes what the ids still need.
    pub(in crate::app) fn write(mut self) -> String {
        if self.ids.is_empty() {
            return "# Nothing is switched on: app-config has none of the sections that Stagedoor answers for.".to_owned();
        }
        self.listen();
        self.discovery();
        self.actions();
        self.content_security_policy();
        self.feed();
        self.text()
    }

    fn text(self) -> String {
        let mut text = match self.lines.is_empty() {
            true => "# The portal's configuration has all lines that Stagedoor needs.\n".to_owned(),
            false => "# Name this file last, for Backstage and for Stagedoor. Lists are whole, since a later file replaces them;\n\
                      # what they hold of other files must follow when it changes there.\n"
                .to_owned(),
        };
        for note in &self.notes {
            text.push_str(&format!("# {note}\n"));
        }
        if !self.lines.is_empty() {
            let lines = config::render(&Value::Object(self.lines), Format::Yaml);
            text.push_str(&lines.unwrap_or_else(|problem| format!("# {problem}\n")));
        }
        text.trim_end().to_owned()
    }

    /// Alongside, `backend.listen` is Backstage's own port.
    fn listen(&mut self) {
        if self.view.upstream.is_none() && !self.reader.has("stagedoor.listen") {
            let taken = self
                .view
                .listen
                .as_ref()
                .is_some_and(|listen| listen.port == PORT);
            let port = if taken { PORT + 1 } else { PORT };
            if let Some(listen) = &mut self.view.listen {
                listen.port = port;
            }
            self.set("stagedoor.listen", Value::String(format!(":{port}")));
        }
    }

    fn discovery(&mut self) {
        let lost: Vec<&str> = self.ids.iter().copied().filter(|id| !self.found(id)).collect();
        if lost.is_empty() {
            return;
        }
        let origin = self.origin();
        if self.view.base.as_ref().is_some_and(|base| !is_this_machine(base))
            && origin.contains("//localhost:")
        {
            self.notes.push(
                "discovery.endpoints: in place of localhost write the name by which browsers and Backstage's backend reach \
                 Stagedoor"
                    .to_owned(),
            );
        }
        let address = text(&format!("{origin}{API}"));
        let target = match self.view.upstream {
            Some(_) => Value::Object(Object::from([("internal".to_owned(), address)])),
            None => address,
        };
        let plugins = lost.iter().map(|id| text(id)).collect();
        let entry = [
            ("target".to_owned(), target),
            ("plugins".to_owned(), Value::Array(plugins)),
        ];
        self.add("discovery.endpoints", vec![Value::Object(Object::from(entry))]);
    }

    /// Whether the portal finds the id, also once its actions are asked for.
    fn found(&self, id: &str) -> bool {
        let needs_entry =
            self.view.upstream.is_some() && self.view.entry(id).is_none_or(|entry| entry.internal.is_none());
        self.view.faults(id).is_empty() && !needs_entry
    }

    fn actions(&mut self) {
        let missing: Vec<&&str> = self
            .ids
            .iter()
            .filter(|id| !self.view.offers_actions(id))
            .collect();
        let missing: Vec<Value> = missing.iter().map(|id| text(id)).collect();
        self.add("backend.actions.pluginSources", missing);
    }

    /// The page must be let through to us where we are at another origin than the portal.
    fn content_security_policy(&mut self) {
        let key = "backend.csp.connect-src";
        let target = self
            .ids
            .iter()
            .filter(|id| self.view.faults(id).is_empty())
            .find_map(|id| self.view.entry(id)?.external.clone());
        let target = target.unwrap_or_else(|| self.origin());
        let Some(url) = Url::parse(&target).ok().filter(|_| self.view.upstream.is_none()) else {
            return;
        };
        let (scheme, origin) = (format!("{}:", url.scheme()), url.origin().ascii_serialization());
        let allowed = self.reader.optional_string_array(key).ok().flatten();
        let is_let_through = |source: &String| *source == "*" || *source == scheme || *source == origin;
        let same = self
            .view
            .base
            .as_ref()
            .is_some_and(|base| base.origin() == url.origin());
        match allowed {
            Some(allowed) if !same && !allowed.iter().any(is_let_through) => {
                self.add(key, vec![Value::String(origin)]);
            }
            None if !same && self.reader.optional_boolean("backend.csp").ok().flatten() != Some(false) => {
                self.add(key, vec![text("'self'"), Value::String(origin)]);
            }
            _ => {}
        }
    }

    /// What the catalog needs to show pending requests, where the feed is switched on.
    fn feed(&mut self) {
        if !self.reader.has(FEED_SECRET) {
            return;
        }
        let origin = match (&self.view.upstream, &self.view.base) {
            (Some(_), Some(base)) => base.origin().ascii_serialization(),
            _ => self.origin(),
        };
        let secret = match self.written.topmost(FEED_SECRET) {
            Some(Origin::File(_, value)) => variable(&value),
            _ => None,
        };
        let target = |one: &ConfigReader| one.optional_string("target").ok().flatten().unwrap_or_default();
        let locations = self
            .reader
            .optional_config_array("catalog.locations")
            .ok()
            .flatten();
        let registered = locations
            .iter()
            .flatten()
            .any(|one| target(one).ends_with("/pending-requests.yaml"));
        match secret {
            _ if registered => {}
            None => self.notes.push(format!(
                "catalog.locations: add {{type: url, target: {origin}/api/ske/catalog/<{FEED_SECRET}>/pending-requests.yaml}}; \
                 the secret is not repeated here"
            )),
            Some(secret) => {
                let target = format!("{origin}/api/ske/catalog/{secret}/pending-requests.yaml");
                let location = [("type", "url".to_owned()), ("target", target)];
                let location = location.map(|(key, text)| (key.to_owned(), Value::String(text)));
                self.add("catalog.locations", vec![Value::Object(Object::from(location))]);
            }
        }
        self.reading(&origin);
    }

    fn reading(&mut self, origin: &str) {
        let host = origin.split("://").last().unwrap_or_default().to_owned();
        let key = "backend.reading.allow";
        let allowed = self
            .reader
            .optional_config_array(key)
            .ok()
            .flatten()
            .unwrap_or_default();
        let name = |entry: &ConfigReader| entry.optional_string("host").ok().flatten().unwrap_or_default();
        let covers = |allowed: String| match allowed.strip_prefix('*') {
            Some(end) => host.ends_with(end),
            None => allowed == host,
        };
        if !allowed.iter().map(name).any(covers) {
            let entry = Object::from([("host".to_owned(), Value::String(host.clone()))]);
            self.add(key, vec![Value::Object(entry)]);
        }
    }

    /// Where we are for the portal: as an entry of discovery says already, else this machine.
    fn origin(&self) -> String {
        let known = self.view.entries.iter().find_map(|entry| {
            let own = entry
                .plugins
                .iter()
                .any(|plugin| self.ids.contains(&plugin.as_str()));
            let id = entry.plugins.first().filter(|_| own)?;
            let target = entry.internal.as_ref().or(entry.external.as_ref())?;
            let is_right = self.view.target_fault(entry, target, id).is_none();
            let url: Url = target.parse().ok().filter(|_| is_right)?;
            Some(url.origin().ascii_serialization())
        });
        let port = self.view.listen.as_ref().map_or(PORT, |listen| listen.port);
        known.unwrap_or_else(|| format!("http://localhost:{port}"))
    }

    /// Adds items to what the list holds already.
    fn add(&mut self, key: &str, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        let (mut list, from) = match self.written.topmost(key) {
            None => (Vec::new(), String::new()),
            Some(Origin::File(file, Value::Array(list))) => {
                (list, format!("those of {} and ", file.display()))
            }
            Some(origin) => return self.explain(key, &items, &origin),
        };
        if redacted(&Value::Array(list.clone())) != Value::Array(list.clone()) {
            let text = shown(&items);
            self.notes.push(format!(
                "{key} holds a secret, so that it is not repeated here; add to it: {text}"
            ));
            return;
        }
        self.notes.push(format!("{key}: {from}{} more", items.len()));
        list.extend(items);
        self.set(key, Value::Array(list));
    }

    fn explain(&mut self, key: &str, items: &[Value], origin: &Origin) {
        let text = shown(items);
        self.notes.push(match origin {
            Origin::Variable => {
                format!(
                    "{key} is set by an APP_CONFIG_ variable, which outranks every file; add to it: {text}"
                )
            }
            Origin::File(file, _) => {
                format!("{key} is no list in {}; make it one with: {text}", file.display())
            }
        });
    }

    fn set(&mut self, key: &str, value: Value) {
        let mut steps: Vec<&str> = key.split('.').collect();
        let Some(last) = steps.pop() else { return };
        let mut mapping = &mut self.lines;
        for step in steps {
            let inner = mapping
                .entry(step.to_owned())
                .or_insert_with(|| Value::Object(Object::new()));
            let Value::Object(inner) = inner else { return };
            mapping = inner;
        }
        mapping.insert(last.to_owned(), value);
    }
}

/// The reference by which a value comes from the environment, so that it can be repeated without being known.
fn variable(value: &Value) -> Option<String> {
    match value {
        Value::String(text)
            if text.starts_with("${") && text.ends_with('}') && text.matches('$').count() == 1 =>
        {
            Some(text.clone())
        }
        Value::Object(entries) => match entries.get("$env")? {
            Value::String(name) => Some(format!("${{{name}}}")),
            _ => None,
        },
        _ => None,
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn shown(items: &[Value]) -> String {
    let json = config::to_json(&Value::Array(items.to_vec()));
    json.to_string()
}
