//! What a caller records, checked before anything is written. Nothing in it is ever fetched.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use super::request::{Action, PendingRequest, Review};
use crate::{
    backstage::{
        integrations::{Integrations, PullRequestAddress, RepositoryAddress},
        user_text::encode_user_text,
    },
    plugins::ske::domain::{Invalid, Manifest, ObjectRef, TextOrObject},
};

/// Group and version do not matter here; the rest is how Promises are named.
const PROMISE: (&str, &str) = ("platform.kratix.io/v1alpha1", "Promise");

/// The documented inputs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct RecordInput {
    /// The Promise's name.
    #[schemars(length(min = 1, max = 253))]
    pub(super) promise_name: String,
    /// The resource's name, as in the manifest.
    #[schemars(length(min = 1, max = 253))]
    pub(super) name: String,
    /// The resource's namespace, as in the manifest; default when it is empty.
    #[schemars(length(max = 63))]
    pub(super) namespace: String,
    /// What was asked for.
    pub(super) action: Action,
    /// The page of the pull or merge request, if there is one: https, on a host of the portal's integrations, in the
    /// repository of requestsRepoUrl.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(super) pull_request_url: Option<String>,
    /// The repository, if one is involved, such as github.com?owner=O&repo=R.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(super) requests_repo_url: Option<String>,
    /// The same manifest as was applied or proposed, as YAML or JSON text or as an object.
    #[schemars(with = "TextOrObject")]
    pub(super) manifest: Value,
}

/// A request that may be recorded.
#[derive(Debug, Clone)]
pub(super) struct NewRequest {
    pub(super) promise: String,
    pub(super) object: ObjectRef,
    pub(super) action: Action,
    pub(super) pull_request_url: Option<String>,
    pub(super) repository: Option<String>,
    /// As it came. It may hold secrets, so it is neither logged nor shown.
    pub(super) manifest: String,
}

impl RecordInput {
    /// What is recorded of a pull request that was just opened, or reused.
    pub(in crate::plugins::ske) fn of_pull_request(
        (promise_name, manifest): (String, Value),
        object: &ObjectRef,
        action: Action,
        (pull_request_url, requests_repo_url): (String, String),
    ) -> Self {
        Self {
            promise_name,
            name: object.name.to_string(),
            namespace: object.namespace.to_string(),
            action,
            pull_request_url: Some(pull_request_url),
            requests_repo_url: Some(requests_repo_url),
            manifest,
        }
    }

    /// What an audit event tells of it: never the manifest.
    pub(in crate::plugins::ske) fn about(&self) -> Value {
        json!({
            "actionType": "record",
            "requested": self.action.word(),
            "promise": encode_user_text(&self.promise_name),
            "namespace": encode_user_text(&self.namespace),
            "name": encode_user_text(&self.name),
        })
    }
}

impl NewRequest {
    /// Checks everything. Where name or namespace contradict the manifest, the manifest is right: it is what was
    /// submitted.
    ///
    /// # Errors
    /// The first part that cannot be used, in words that do not repeat it.
    pub(super) fn of(input: RecordInput, integrations: &Integrations) -> Result<Self, Invalid> {
        let manifest = text_of(&input.manifest);
        let object = Manifest::from_value(input.manifest)?.object_ref();
        let (api_version, kind) = PROMISE;
        let promise = ObjectRef::parse(api_version, kind, None, &input.promise_name)
            .map_err(|Invalid(why)| Invalid(format!("promiseName: {why}")))?;
        tell_mismatch((&input.name, &input.namespace), &object);
        let (pull_request_url, repository) = addresses(
            given(input.pull_request_url),
            given(input.requests_repo_url),
            integrations,
        )?;
        Ok(Self {
            promise: promise.name.as_str().to_owned(),
            object,
            action: input.action,
            pull_request_url,
            repository,
            manifest,
        })
    }

    /// Whether both are about the same pull request.
    pub(super) fn is_same_review(&self, recorded: &PendingRequest) -> bool {
        self.pull_request_url.is_some() && self.pull_request_url == recorded.pull_request_url
    }

    /// A pull request has just been opened where there is one.
    pub(super) fn review(&self) -> Review {
        match self.pull_request_url {
            Some(_) => Review::Open,
            None => Review::None,
        }
    }
}

/// No longer than the body of a request, which is bounded.
fn text_of(manifest: &Value) -> String {
    match manifest {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An empty text is an absent one: Templates cannot leave a key out.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn tell_mismatch((name, namespace): (&str, &str), object: &ObjectRef) {
    let default = if namespace.is_empty() {
        "default"
    } else {
        namespace
    };
    if (name, default) != (object.name.as_str(), object.namespace.as_str()) {
        warn!(
            given = encode_user_text(&format!("{default}/{name}")),
            manifest = encode_user_text(&format!("{}/{}", object.namespace, object.name)),
            "A request was recorded with a name or namespace that is not its manifest's; the manifest's is used"
        );
    }
}

/// The page and the repository; the page tells the repository where only the page is given.
fn addresses(
    page: Option<String>,
    repository: Option<String>,
    integrations: &Integrations,
) -> Result<(Option<String>, Option<String>), Invalid> {
    let repository = match repository {
        None => None,
        Some(text) => Some(parse_repository(&text, integrations)?),
    };
    let Some(page) = page else {
        return Ok((None, repository.map(|repository| repository.picker())));
    };
    let parsed = PullRequestAddress::parse(&page, integrations);
    let parsed = parsed.map_err(|problem| Invalid(format!("pullRequestUrl: {problem}")))?;
    let repository = repository.unwrap_or_else(|| parsed.repository.clone());
    if !parsed.repository.is(&repository) {
        let why = "pullRequestUrl is not in the repository that requestsRepoUrl names; give both of the same repository";
        return Err(Invalid(why.to_owned()));
    }
    Ok((Some(page), Some(repository.picker())))
}

fn parse_repository(text: &str, integrations: &Integrations) -> Result<RepositoryAddress, Invalid> {
    let problem = |why: &dyn std::fmt::Display| Invalid(format!("requestsRepoUrl: {why}"));
    let repository = RepositoryAddress::parse(text).map_err(|why| problem(&why))?;
    match integrations.host(repository.host()) {
        Some(_) => Ok(repository),
        None => Err(problem(&format!(
            "no entry of integrations.github or integrations.gitlab is for the host '{}'; add one if it should be",
            repository.host()
        ))),
    }
}
