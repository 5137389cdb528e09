//! Runs one action: the refusals in Backstage's order, the limits around the work, the check of what comes out.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    action::Call,
    fit::Issue,
    registry::{Entry, Registry, Running},
    schema::Schema,
};
use crate::backstage::{
    auth::{Credentials, Principal},
    error::BackstageError,
    unread::Unread,
};

/// Longest an action may work: Node's `fetch` gives up after 300 s without an answer, and an answer that says so is
/// better than none. Actions that wait have their own, shorter limits.
const LONGEST_WORK: Duration = Duration::from_secs(280);

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) id: &'a str,
    pub(super) body: Unread,
    /// Takes the input, and the secrets if there are any, out of the body.
    pub(super) unwrap: fn(Value) -> (Value, Option<Value>),
}

/// Runs an action for the caller and returns the body of the answer.
///
/// # Errors
/// 403 for an anonymous caller, 404 for an action that is not there for this caller, 403 for a caller who may not run it, 400 for
/// input or secrets that do not fit, then whatever the action says; 500 if it panics, 504 if it takes too long.
pub(super) async fn invoke(
    registry: &Registry,
    wanted: Wanted<'_>,
    caller: Credentials,
) -> Result<Value, BackstageError> {
    let Wanted { id, body, unwrap } = wanted;
    if *caller.principal() == Principal::None {
        return Err(BackstageError::not_allowed(
            "Actions must be invoked by an authenticated principal, not an anonymous request",
        ));
    }
    let action = registry.find(id, &caller).await?;
    let caller = registry.judge(action, &caller).await?;
    let body = body.json(&caller).await?;
    let (input, secrets) = unwrap(body.unwrap_or_else(|| json!({})));
    fits(&action.input, &input, || {
        format!("Invalid input to action \"{id}\"")
    })?;
    check_secrets(id, action, secrets.as_ref())?;
    let work = (action.run)(Call {
        caller,
        input,
        secrets,
    });
    let output = bounded(id, work).await?;
    answer(id, action, output)
}

fn check_secrets(id: &str, action: &Entry, given: Option<&Value>) -> Result<(), BackstageError> {
    match (&action.secrets, given) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(BackstageError::input(format!(
            "Action \"{id}\" does not accept secrets"
        ))),
        (Some(_), None) => Err(BackstageError::input(format!(
            "Action \"{id}\" requires secrets but none were provided"
        ))),
        (Some(schema), Some(given)) => fits(schema, given, || format!("Invalid secrets for action \"{id}\"")),
    }
}

/// An action without output answers `{}`.
fn answer(id: &str, action: &Entry, output: Value) -> Result<Value, BackstageError> {
    if output.is_null() {
        return Ok(json!({}));
    }
    fits(&action.output, &output, || {
        format!("Invalid output from action \"{id}\"")
    })?;
    Ok(json!({ "output": output }))
}

/// Refuses what does not fit, in Backstage's words and with every field that is to blame.
fn fits(schema: &Schema, value: &Value, refusal: impl FnOnce() -> String) -> Result<(), BackstageError> {
    let issues = schema.issues(value);
    if issues.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = issues.iter().map(ToString::to_string).collect();
    let told = told.join("; ");
    let listed: Vec<Value> = issues.iter().map(listed).collect();
    let cause = json!({ "name": "ZodError", "message": told, "issues": listed });
    Err(BackstageError::input(format!("{}: {told}", refusal())).with_field("cause", cause))
}

fn listed(issue: &Issue) -> Value {
    let mut fields = Map::new();
    fields.insert("code".into(), "custom".into());
    fields.insert("path".into(), json!(issue.path));
    fields.insert("message".into(), issue.problem.clone().into());
    Value::Object(fields)
}

/// Waits for the work, but neither for ever nor through a panic of its.
async fn bounded(id: &str, work: Running) -> Result<Value, BackstageError> {
    let caught = AssertUnwindSafe(work).catch_unwind();
    match timeout(LONGEST_WORK, caught).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let error = defect(&format!(
                "Action \"{id}\" failed because of a defect in Stagedoor; look into its log"
            ));
            Err(error.with_cause(Panicked(words(panic.as_ref()))))
        }
        Err(_) => Err(BackstageError::unavailable(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "Action \"{id}\" was given up after {} s; what it began may still take effect",
                LONGEST_WORK.as_secs()
            ),
        )),
    }
}

/// Our own fault.
pub(super) fn defect(message: &str) -> BackstageError {
    BackstageError::new("Error", StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// The words of a panic, for the log alone.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}
