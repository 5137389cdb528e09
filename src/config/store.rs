//! The configuration now in force, and how it is read again.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    ConfigError, ConfigReader, Live, LoadOptions,
    diff::{changed_keys, related},
    environment::Environment,
    load::{Loaded, Strictness, load_watched},
    sections,
    value::{Object, Value},
};

/// Keys a log line lists; a longer list helps nobody.
const MAX_KEYS_LOGGED: usize = 20;

/// Puts an accepted change into force.
pub type Apply = Box<dyn FnOnce() + Send>;

type Validate = dyn Fn(&ConfigReader) -> Result<Apply, Vec<ConfigError>> + Send + Sync;

/// Holds the newest accepted configuration. Cheap to clone; all clones see the same.
#[derive(Clone)]
pub struct ConfigStore {
    shared: Arc<Shared>,
}

struct Shared {
    reader: Live<ConfigReader>,
    /// `None`: the configuration never changes.
    options: Option<LoadOptions>,
    files: parking_lot::Mutex<BTreeSet<PathBuf>>,
    subscribers: parking_lot::Mutex<Vec<Arc<Subscriber>>>,
    /// Number of the newest reading begun.
    begun: AtomicU64,
    reading: tokio::sync::Mutex<LastReading>,
}

struct Subscriber {
    live_keys: Vec<String>,
    validate: Box<Validate>,
}

/// What the last reading came to. Whoever holds the lock is reading.
#[derive(Default)]
struct LastReading {
    number: u64,
    accepted: bool,
    /// The problem logged last, so that a file that stays broken is not reported at every look.
    problem: Option<String>,
}

impl std::fmt::Debug for ConfigStore {
    /// Leaves the values out: they hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ConfigStore").finish_non_exhaustive()
    }
}

impl ConfigStore {
    /// A store that never changes; for tests and for configuration made in code.
    pub fn fixed(reader: ConfigReader) -> Self {
        Self::new(reader, BTreeSet::new(), None)
    }

    /// Loads the configuration and remembers how, to be able to load it again.
    pub async fn open(options: LoadOptions) -> Result<Self, ConfigError> {
        let (files, loaded) = load_watched(&options, Strictness::OwnParts).await;
        Ok(Self::new(loaded?.into_reader(), files, Some(options)))
    }

    fn new(reader: ConfigReader, files: BTreeSet<PathBuf>, options: Option<LoadOptions>) -> Self {
        let shared = Shared {
            reader: Live::new(reader),
            options,
            files: files.into(),
            subscribers: parking_lot::Mutex::default(),
            begun: AtomicU64::new(0),
            reading: tokio::sync::Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns a reader over the newest accepted configuration.
    pub fn reader(&self) -> ConfigReader {
        (*self.shared.reader.get()).clone()
    }

    /// The environment the configuration was read with; empty for one made in code.
    pub fn environment(&self) -> Environment {
        let options = self.shared.options.as_ref();
        options
            .map(|options| options.environment.clone())
            .unwrap_or_default()
    }

    /// The files the configuration came from, and those that would be part of it if they existed.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        self.shared.files.lock().clone()
    }

    /// Registers somebody who follows changes of the keys below `live_keys`.
    ///
    /// A new configuration is first shown to every subscriber. If one returns problems, they are logged and nothing
    /// changes for anybody; else the configuration is replaced and all the returned functions are called. Changes of
    /// keys nobody follows are logged as taking effect after a restart.
    pub fn on_change<F>(&self, live_keys: &[&str], validate: F)
    where
        F: Fn(&ConfigReader) -> Result<Apply, Vec<ConfigError>> + Send + Sync + 'static,
    {
        let subscriber = Subscriber {
            live_keys: live_keys.iter().map(|&key| key.to_owned()).collect(),
            validate: Box::new(validate),
        };
        self.shared.subscribers.lock().push(Arc::new(subscriber));
    }

    /// Reads all files again now, as when an upstream refused a credential that may have been rotated.
    ///
    /// Returns true when the configuration changed and the change was accepted. Callers who arrive while files are
    /// being read share the next reading: the one under way may have begun before the change they hope for.
    pub async fn refresh(&self) -> bool {
        let Some(options) = &self.shared.options else {
            return false;
        };
        let arrived = self.shared.begun.load(Ordering::Acquire);
        let mut last = self.shared.reading.lock().await;
        if last.number > arrived {
            return last.accepted;
        }
        let number = self.shared.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let (files, loaded) = load_watched(options, Strictness::OwnParts).await;
        let outcome = self.consider(files, loaded);
        last.number = number;
        last.accepted = outcome == Ok(true);
        last.report(outcome.err());
        last.accepted
    }

    /// Puts a new configuration into force, unless it is the same or somebody objects.
    fn consider(
        &self,
        files: BTreeSet<PathBuf>,
        loaded: Result<Loaded, ConfigError>,
    ) -> Result<bool, Vec<ConfigError>> {
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                // What was read before stays watched: the cure may be in any of these files.
                self.shared.files.lock().extend(files);
                return Err(vec![error]);
            }
        };
        *self.shared.files.lock() = files;
        let reader = loaded.into_reader();
        let changed = changed_keys(&merged(&self.reader()), &merged(&reader));
        if changed.is_empty() {
            return Ok(false);
        }
        let subscribers = self.shared.subscribers.lock().clone();
        let changes = validate(&subscribers, &reader)?;
        self.shared.reader.set(reader);
        changes.into_iter().for_each(|apply| apply());
        tracing::info!("The configuration was read again and is in force");
        let live_keys: Vec<_> = subscribers
            .iter()
            .flat_map(|one| &one.live_keys)
            .map(String::as_str)
            .collect();
        if let Some(notice) = restart_notice(&changed, &live_keys) {
            tracing::warn!("{notice}");
        }
        Ok(true)
    }
}

impl LastReading {
    fn report(&mut self, problems: Option<Vec<ConfigError>>) {
        let text = problems.map(|problems| {
            let messages: Vec<_> = problems.iter().map(ToString::to_string).collect();
            messages.join("; ")
        });
        if let Some(text) = text.as_ref().filter(|text| self.problem.as_ref() != Some(*text)) {
            tracing::error!("The changed configuration is not used, the one before stays in force: {text}");
        }
        self.problem = text;
    }
}

fn merged(reader: &ConfigReader) -> Value {
    let whole = reader.get("").ok().flatten();
    whole.unwrap_or_else(|| Value::Object(Object::new()))
}

fn validate(subscribers: &[Arc<Subscriber>], reader: &ConfigReader) -> Result<Vec<Apply>, Vec<ConfigError>> {
    let mut changes = Vec::with_capacity(subscribers.len());
    let mut problems = Vec::new();
    for subscriber in subscribers {
        match (subscriber.validate)(reader) {
            Ok(change) => changes.push(change),
            // Several may read the same key.
            Err(errors) => errors.into_iter().for_each(|error| {
                if !problems.contains(&error) {
                    problems.push(error);
                }
            }),
        }
    }
    if problems.is_empty() {
        Ok(changes)
    } else {
        Err(problems)
    }
}

/// Names the changed keys that nobody follows; `None` when there are none.
fn restart_notice(changed: &[String], live_keys: &[&str]) -> Option<String> {
    let followed = |key: &str| live_keys.iter().any(|live| related(live, key));
    let keys = changed.iter().map(String::as_str);
    let keys: Vec<&str> = keys
        .filter(|key| sections::may_be_read(key) && !followed(key))
        .collect();
    let shown: Vec<&str> = keys.iter().take(MAX_KEYS_LOGGED).copied().collect();
    let more = match keys.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!keys.is_empty()).then(|| format!("takes effect after a restart: {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(changed: &[&str]) -> Option<String> {
        let changed: Vec<String> = changed.iter().map(|&key| key.to_owned()).collect();
        restart_notice(&changed, &["discovery", "stagedoor.spacelift.cacheTtl"])
    }

    #[test]
    fn changes_that_nobody_follows_are_named_and_other_peoples_are_not() {
        assert_eq!(
            notice(&[
                "discovery.endpoints",
                "stagedoor.spacelift.cacheTtl",
                "techdocs.builder"
            ]),
            None
        );
        assert_eq!(
            notice(&["stagedoor.listen", "discovery.endpoints", "spacelift.hostUrl"]).as_deref(),
            Some("takes effect after a restart: stagedoor.listen, spacelift.hostUrl")
        );
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let changed: Vec<String> = (0..MAX_KEYS_LOGGED + 3)
            .map(|number| format!("ske.k{number}"))
            .collect();
        let notice = restart_notice(&changed, &[]).unwrap();
        assert!(notice.ends_with(" and 3 more"), "{notice}");
    }
}
