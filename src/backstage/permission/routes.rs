//! How permission UIs and policies learn which permissions a plugin has.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Judged, Permission};
use crate::{
    backstage::{
        auth::{Credentials, Principal},
        error::BackstageError,
        routes::Routes,
        unread::Unread,
    },
    infra::http_server::JsonResponse,
};

/// Where Backstage looks for what there is (`@backstage/plugin-permission-node`, createPermissionIntegrationRouter).
const METADATA: &str = "/.well-known/backstage/permissions/metadata";

/// Where it would have conditions applied; basic permissions have none.
const APPLY: &str = "/.well-known/backstage/permissions/apply-conditions";

/// Answers with these permissions.
pub(in crate::backstage) fn routes(permissions: &[Permission]) -> Routes {
    let described: Vec<Value> = permissions.iter().map(Permission::described).collect();
    let metadata: Arc<str> = json!({ "permissions": described, "rules": [] })
        .to_string()
        .into();
    Routes::new()
        .get(METADATA, move |_: Credentials| {
            let metadata = Arc::clone(&metadata);
            async move { written(metadata.as_bytes().to_vec()) }
        })
        .post(APPLY, apply_conditions)
}

/// There is nothing with conditions here, so only an empty list can be answered; and to plugins alone, as in Backstage
/// (`@backstage/backend-defaults`, permissionsRegistry).
async fn apply_conditions(caller: Credentials, body: Unread) -> Result<Response, BackstageError> {
    match caller.principal() {
        Principal::None => return Err(BackstageError::authentication("Missing credentials")),
        Principal::User(user) if user.actor.is_none() => {
            return Err(BackstageError::not_allowed(
                "Conditions are applied for other plugins, not for people",
            ));
        }
        Principal::User(_) | Principal::Service(_) => {}
    }
    let body = body.json(&Judged::already(&caller)).await?.unwrap_or_default();
    match body["items"].as_array() {
        Some(items) if items.is_empty() => Ok(written(json!({ "items": [] }).to_string().into_bytes())),
        Some(_) => Err(BackstageError::input(
            "Every permission here is a basic one; there are no resource types and no conditions to apply",
        )),
        None => Err(BackstageError::input("The body must hold the list 'items'")),
    }
}

fn written(body: Vec<u8>) -> Response {
    JsonResponse::from_bytes(StatusCode::OK, body).into_response()
}
