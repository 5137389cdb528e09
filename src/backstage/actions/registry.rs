//! A plugin's actions, and what of them a caller may see.

use std::{borrow::Cow, collections::HashSet, fmt, future::Future, pin::Pin, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    action::{Action, Attributes, Call, Example},
    schema::Schema,
    settings::ActionSettings,
};
use crate::{
    backstage::{
        auth::Credentials,
        error::BackstageError,
        permission::{Judged, Needs, Permission, Permissions, Verdicts},
    },
    config::Live,
};

/// Longest id of a caller's that an error and the log repeat, in bytes; ours are far shorter.
const MAX_REPEATED: usize = 200;

/// What stands for the rest of it.
const CUT: &str = "…";

/// The actions of one plugin, in the order in which they are listed.
#[derive(Default)]
pub struct Actions {
    entries: Vec<Entry>,
    /// Names people expect, each with why there is no such action.
    absent: Vec<(&'static str, &'static str)>,
}

/// An action without its types.
pub(super) struct Entry {
    pub(super) name: &'static str,
    title: &'static str,
    description: &'static str,
    pub(super) attributes: Attributes,
    needs: Needs,
    visible_with: Option<Permission>,
    examples: Vec<Example>,
    pub(super) input: Schema,
    pub(super) output: Schema,
    pub(super) secrets: Option<Schema>,
    pub(super) run: Run,
}

/// Reads the input, works, writes the output.
pub(super) type Run = Box<dyn Fn(Call<Value>) -> Running + Send + Sync>;

/// An action at work.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Value, BackstageError>> + Send>>;

impl fmt::Debug for Actions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.entries.iter().map(|entry| entry.name))
            .finish()
    }
}

impl Actions {
    /// No action yet, which is fine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "as Backstage's own `backend.add`, and nothing is summed up"
    )]
    pub fn add<A: Action>(mut self, action: A) -> Self {
        let action = Arc::new(action);
        self.entries.push(Entry {
            name: A::NAME,
            title: A::TITLE,
            description: A::DESCRIPTION,
            attributes: A::ATTRIBUTES,
            needs: A::NEEDS,
            visible_with: A::VISIBLE_WITH,
            examples: A::examples(),
            input: Schema::of_input::<A::Input>(),
            output: Schema::of_output::<A::Output>(),
            secrets: A::secrets(),
            run: Box::new(move |call| Box::pin(run(Arc::clone(&action), call))),
        });
        self
    }

    /// Says why there is no action of a name that people expect, as the end of a sentence.
    #[must_use]
    pub fn explain_absence(mut self, name: &'static str, why: &'static str) -> Self {
        self.absent.push((name, why));
        self
    }

    /// The permissions by which some of them are shown.
    pub(crate) fn visibility_permissions(&self) -> impl Iterator<Item = Permission> {
        self.entries.iter().filter_map(|entry| entry.visible_with)
    }

    /// Returns what is wrong with them: names given twice, schemas nobody checks, examples that do not fit.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut names = HashSet::new();
        let twice = self.entries.iter().filter(|entry| !names.insert(entry.name));
        let twice = twice.map(|entry| format!("the name '{}' is given twice", entry.name));
        twice.chain(self.entries.iter().flat_map(Entry::faults)).collect()
    }
}

async fn run<A: Action>(action: Arc<A>, call: Call<Value>) -> Result<Value, BackstageError> {
    let Call {
        caller,
        input,
        secrets,
    } = call;
    // The schema was checked before, so this is a type that reads less than its schema promises. The parser's own words
    // could quote the input.
    let input = serde_json::from_value(input)
        .map_err(|_| BackstageError::input(format!("The input is not what '{}' reads", A::NAME)))?;
    let output = action
        .invoke(Call {
            caller,
            input,
            secrets,
        })
        .await?;
    let unwritable =
        |error: serde_json::Error| super::invoke::defect("The output could not be written").with_cause(error);
    serde_json::to_value(output).map_err(unwritable)
}

impl Entry {
    /// Whether the verdicts show it; none is needed for most.
    fn is_visible(&self, verdicts: Option<&Verdicts>) -> bool {
        let allowed = |needed| verdicts.is_some_and(|verdicts| verdicts.require(&needed).is_ok());
        self.visible_with.is_none_or(allowed)
    }

    fn faults(&self) -> Vec<String> {
        let schemas = [Some(("input", &self.input)), Some(("output", &self.output))];
        let secrets = self.secrets.as_ref().map(|secrets| ("secrets", secrets));
        let schemas = schemas.into_iter().chain([secrets]).flatten();
        let schemas = schemas.flat_map(|(which, schema)| {
            let name = self.name;
            schema
                .faults()
                .into_iter()
                .map(move |fault| format!("the {which} of '{name}': {fault}"))
        });
        schemas
            .chain(self.examples.iter().flat_map(|example| self.misfits(example)))
            .collect()
    }

    fn misfits(&self, example: &Example) -> Vec<String> {
        let input = self.input.issues(&example.input);
        let output = example.output.as_ref().map(|output| self.output.issues(output));
        let issues = input.into_iter().chain(output.into_iter().flatten());
        issues
            .map(|issue| format!("the example '{}' of '{}': {issue}", example.title, self.name))
            .collect()
    }

    fn listing(&self, plugin_id: &str) -> Value {
        let mut schema = Map::new();
        schema.insert("input".into(), self.input.as_json().clone());
        schema.insert("output".into(), self.output.as_json().clone());
        if let Some(secrets) = &self.secrets {
            schema.insert("secrets".into(), secrets.as_json().clone());
        }
        let mut listing = json!({
            "id": id_of(plugin_id, self.name),
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "pluginId": plugin_id,
            "attributes": self.attributes,
        });
        if !self.examples.is_empty() {
            listing["examples"] = json!(self.examples);
        }
        listing["schema"] = Value::Object(schema);
        listing
    }
}

/// A started plugin's actions behind its mount.
pub(crate) struct Registry {
    plugin_id: &'static str,
    entries: Vec<(String, Entry)>,
    absent: Vec<(String, &'static str)>,
    settings: Live<ActionSettings>,
    permissions: Permissions,
}

impl Registry {
    /// Puts the actions under their plugin's id.
    pub(crate) fn new(
        plugin_id: &'static str,
        actions: Actions,
        settings: Live<ActionSettings>,
        permissions: Permissions,
    ) -> Self {
        let with_id = |entry: Entry| (id_of(plugin_id, entry.name), entry);
        let absent = actions.absent.into_iter();
        Self {
            plugin_id,
            entries: actions.entries.into_iter().map(with_id).collect(),
            absent: absent.map(|(name, why)| (id_of(plugin_id, name), why)).collect(),
            settings,
            permissions,
        }
    }

    /// Returns the listing of what the caller may see. Asks nobody unless an action names a permission for that; such
    /// actions stay hidden while nobody decides, since all others must be found.
    pub(super) async fn list(&self, caller: &Credentials) -> Value {
        let settings = self.settings.get();
        let offered = self
            .entries
            .iter()
            .filter(|(id, entry)| offers(&settings, id, entry));
        let offered: Vec<&Entry> = offered.map(|(_, entry)| entry).collect();
        let needed: Vec<Permission> = offered.iter().filter_map(|entry| entry.visible_with).collect();
        let verdicts = match needed.as_slice() {
            [] => None,
            needed => self.permissions.decide(caller, needed).await.ok(),
        };
        let seen = offered.iter().filter(|entry| entry.is_visible(verdicts.as_ref()));
        let listings: Vec<Value> = seen.map(|entry| entry.listing(self.plugin_id)).collect();
        json!({ "actions": listings })
    }

    /// Finds an action that the caller may see.
    ///
    /// # Errors
    /// 404 alike for what does not exist, is filtered out, or is hidden; 502, 503 or 504 when nobody decides.
    pub(super) async fn find(&self, id: &str, caller: &Credentials) -> Result<&Entry, BackstageError> {
        let settings = self.settings.get();
        let found = self.entries.iter().find(|(each, _)| each == id);
        let found = found.filter(|(id, entry)| offers(&settings, id, entry));
        let unknown = || BackstageError::not_found(self.why_not(id));
        let (_, entry) = found.ok_or_else(unknown)?;
        if let Some(needed) = entry.visible_with {
            let verdicts = self.permissions.decide(caller, &[needed]).await?;
            verdicts.require(&needed).map_err(|_| unknown())?;
        }
        Ok(entry)
    }

    /// Decides whether the caller may run the action, before anything of its input is read.
    ///
    /// # Errors
    /// 403 for a way of writing that is not allowed, and for a caller without the permissions.
    pub(super) async fn judge(&self, action: &Entry, caller: &Credentials) -> Result<Judged, BackstageError> {
        let settings = self.settings.get();
        if !action.attributes.read_only {
            settings.write_callers.admit(caller)?;
        }
        self.permissions
            .judge(caller, &action.needs, &settings.write_callers)
            .await
    }

    fn why_not(&self, id: &str) -> String {
        match self.absent.iter().find(|(each, _)| each == id) {
            Some((_, why)) => format!("Action \"{id}\" is not offered: {why}"),
            None => format!("Action \"{}\" not found", shortened(id)),
        }
    }
}

/// The id as far as it is repeated: the caller chose it, and it may be as long as a path.
fn shortened(id: &str) -> Cow<'_, str> {
    if id.len() <= MAX_REPEATED {
        return id.into();
    }
    format!("{}{CUT}", &id[..id.floor_char_boundary(MAX_REPEATED - CUT.len())]).into()
}

fn offers(settings: &ActionSettings, id: &str, entry: &Entry) -> bool {
    settings.filter.admits(id, entry.attributes)
}

fn id_of(plugin_id: &str, name: &str) -> String {
    format!("{plugin_id}:{name}")
}
