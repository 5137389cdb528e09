//! What one action is: a name, what is said of it, typed input and output, and the work.

use std::future::Future;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::schema::Schema;
use crate::backstage::{
    error::BackstageError,
    permission::{Judged, Needs, Permission},
};

/// One operation. A plugin adds it with one line, `Actions::new().add(…)`.
///
/// Its schemas are derived from the types that read the input and write the output, so they cannot drift apart.
pub trait Action: Send + Sync + 'static {
    /// The name behind the plugin id: `trigger-run` is called as `spacelift-io:trigger-run`.
    const NAME: &'static str;
    /// A few words for a list.
    const TITLE: &'static str;
    /// What it does, for a person or an agent who chooses.
    const DESCRIPTION: &'static str;
    /// What running it may change.
    const ATTRIBUTES: Attributes;
    /// What a caller must have, decided before the input is read.
    const NEEDS: Needs;
    /// The permission without which a caller does not even see it; none of ours has one, since a list must not wait
    /// for the permission backend.
    const VISIBLE_WITH: Option<Permission> = None;
    /// What it takes; `NoInput` for nothing.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;
    /// What it gives; `()` for nothing.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Calls worth showing; each must fit the schemas.
    fn examples() -> Vec<Example> {
        Vec::new()
    }

    /// The secrets it takes beside the input; by default it accepts none.
    fn secrets() -> Option<Schema> {
        None
    }

    /// Does the work. The caller may have left when it ends, and after the registry's limit it is dropped: what must
    /// not stop halfway belongs into a task of its own.
    ///
    /// # Errors
    /// Whatever the caller should be told; the status and the sentence are passed on.
    fn invoke(
        &self,
        call: Call<Self::Input>,
    ) -> impl Future<Output = Result<Self::Output, BackstageError>> + Send;
}

/// What running an action may change; consumers filter by it and decide whether to ask a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// It may change or remove what is there, rather than only add.
    pub destructive: bool,
    /// Calling it again with the same input changes nothing more.
    pub idempotent: bool,
    /// It changes nothing. Only such an action may be run by whoever is signed in, and in a dry run.
    pub read_only: bool,
}

impl Attributes {
    /// Only looks.
    pub const READS: Self = Self {
        destructive: false,
        idempotent: true,
        read_only: true,
    };
}

/// A call worth showing.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// More words, if needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'static str>,
    /// The input.
    pub input: Value,
    /// What it gives then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// One invocation: who calls, with what.
pub struct Call<I> {
    /// The verified caller, who has what the action needs; never anonymous.
    pub caller: Judged,
    /// The input, which fits the schema.
    pub input: I,
    pub(super) secrets: Option<Value>,
}

impl<I> Call<I> {
    /// Reads the secrets, which fit the action's schema of them.
    ///
    /// # Errors
    /// The type reads something else than the schema promises, which is a defect of the action.
    pub fn secrets<S: DeserializeOwned>(&mut self) -> Result<S, BackstageError> {
        let given = self.secrets.take().unwrap_or_default();
        // The parser's own words could quote a secret.
        serde_json::from_value(given)
            .map_err(|_| BackstageError::input("The secrets are not what this action reads"))
    }
}

/// The input of an action that takes none.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub struct NoInput {}
