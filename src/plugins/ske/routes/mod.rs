//! `/resource`, `/resource/state`, `/delete-resource`, `/configure-resource`; what writes to repositories; what is
//! recorded of requests.

mod pending_requests;
mod repositories;

use std::sync::Arc;

pub(super) use self::pending_requests::open_paths;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::{
    backstage::{auth::Credentials, error::BackstageError, routes::Routes, unread::Unread},
    infra::http_server::JsonResponse,
    plugins::ske::{
        domain::ObjectRef,
        error::SkeError,
        operations::{ConfigureOrder, IfExists, Ske},
        permissions,
    },
};

/// The parameters that name an object; others are not looked at.
const PARAMETERS: [&str; 4] = ["name", "kind", "apiVersion", "namespace"];

/// The routes of the Node plugin, and our own.
pub(super) fn routes(ske: Arc<Ske>) -> Routes {
    let (reads, states, deletes) = (Arc::clone(&ske), Arc::clone(&ske), Arc::clone(&ske));
    let (proposes, publishes) = (Arc::clone(&ske), Arc::clone(&ske));
    pending_requests::add(Routes::new(), &ske)
        .get("/resource", move |caller, uri| {
            read(Arc::clone(&reads), caller, uri)
        })
        .get("/resource/state", move |caller, uri| {
            state(Arc::clone(&states), caller, uri)
        })
        .post("/delete-resource", move |caller, body| {
            delete(Arc::clone(&deletes), caller, body)
        })
        .post("/configure-resource", move |caller, body| {
            configure(Arc::clone(&ske), caller, body)
        })
        .post("/pull-requests", move |caller, body| {
            repositories::open_pull_request(Arc::clone(&proposes), caller, body)
        })
        .post("/publish-catalog", move |caller, body| {
            repositories::publish_catalog(Arc::clone(&publishes), caller, body)
        })
}

async fn read(ske: Arc<Ske>, caller: Credentials, uri: Uri) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::LOOK).await?;
    let manifest = ske.get_resource(&caller, &queried(&uri)?).await?;
    answer(&json!({ "manifest": manifest }))
}

async fn state(ske: Arc<Ske>, caller: Credentials, uri: Uri) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::LOOK).await?;
    let state = ske.resource_state(&caller, &queried(&uri)?).await?;
    answer(&state)
}

async fn delete(ske: Arc<Ske>, caller: Credentials, body: Unread) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::REMOVE).await?;
    let object = named(&body.fields(&caller).await?)?;
    answer(&ske.delete_resource(&caller, &object).await?)
}

async fn configure(ske: Arc<Ske>, caller: Credentials, body: Unread) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::CONFIGURE).await?;
    let mut fields = body.fields(&caller).await?;
    let order = ConfigureOrder {
        if_exists: match optional(&fields, "ifExists")? {
            None | Some("update") => IfExists::Update,
            Some("fail") => IfExists::Fail,
            Some(_) => {
                return Err(BackstageError::input(
                    "The parameter 'ifExists' must be update or fail",
                ));
            }
        },
        manifest: fields.shift_remove("manifest").unwrap_or_default(),
    };
    answer(&ske.configure_resource(&caller, order).await?)
}

fn answer(value: &impl Serialize) -> Result<Response, BackstageError> {
    let response = JsonResponse::new(StatusCode::OK, value);
    let response =
        response.map_err(|_| BackstageError::new("Error", StatusCode::INTERNAL_SERVER_ERROR, "No answer"))?;
    Ok(response.into_response())
}

/// Reads the object from the query; a parameter given twice names no object.
fn queried(uri: &Uri) -> Result<ObjectRef, BackstageError> {
    let mut parameters = Map::new();
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    for (name, value) in pairs.filter(|(name, _)| PARAMETERS.contains(&name.as_ref())) {
        if parameters.insert(name.to_string(), value.into()).is_some() {
            return Err(BackstageError::input(format!(
                "The parameter '{name}' is given twice; give it once"
            )));
        }
    }
    named(&parameters)
}

fn named(fields: &Map<String, Value>) -> Result<ObjectRef, BackstageError> {
    let name = required(fields, "name")?;
    let kind = required(fields, "kind")?;
    let api_version = required(fields, "apiVersion")?;
    let namespace = optional(fields, "namespace")?;
    let object = ObjectRef::parse(api_version, kind, namespace, name);
    object.map_err(|invalid| SkeError::from(invalid).into())
}

fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, BackstageError> {
    let missing = || {
        BackstageError::input(format!(
            "The parameter '{name}' is missing; name, kind and apiVersion are required"
        ))
    };
    optional(fields, name)?.ok_or_else(missing)
}

/// An empty text is an absent one.
fn optional<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, BackstageError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(BackstageError::input(format!(
            "The parameter '{name}' must be text"
        ))),
    }
}
