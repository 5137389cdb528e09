//! `/pending-requests`, and the address at which the catalog reads them.

use std::sync::Arc;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use http::{
    HeaderValue, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

use super::answer;
use crate::{
    backstage::{
        auth::{Allow, AuthPolicy, Credentials},
        error::BackstageError,
        routes::Routes,
        unread::Unread,
    },
    plugins::ske::{
        error::SkeError,
        operations::Ske,
        pending::{Feed, Filter, MOST_LISTED, RecordInput},
        permissions,
    },
};

/// Below it everybody may ask; the secret in the path decides.
const OPEN: &str = "/catalog";

/// The catalog does not look at it; a person's browser does (RFC 9512).
const YAML: HeaderValue = HeaderValue::from_static("application/yaml; charset=utf-8");

/// Adds the routes; the catalog's only when there is a secret.
pub(super) fn add(routes: Routes, ske: &Arc<Ske>) -> Routes {
    let (lists, records) = (Arc::clone(ske), Arc::clone(ske));
    let routes = routes
        .get("/pending-requests", move |caller, uri| {
            list(Arc::clone(&lists), caller, uri)
        })
        .post("/pending-requests", move |caller, body| {
            record(Arc::clone(&records), caller, body)
        });
    let Some(secret) = ske.current().pending.feed_secret.clone() else {
        return routes;
    };
    let feeds = Arc::clone(ske);
    routes.get("/catalog/{secret}/pending-requests.yaml", move |uri| {
        feed(Arc::clone(&feeds), secret.clone(), uri)
    })
}

/// The paths that are open: the catalog reads without credentials.
pub(in crate::plugins::ske) fn open_paths(ske: &Ske) -> Vec<AuthPolicy> {
    let secret = &ske.current().pending.feed_secret;
    let open = AuthPolicy {
        path: OPEN,
        allow: Allow::Unauthenticated,
    };
    secret.iter().map(|_| open).collect()
}

async fn list(ske: Arc<Ske>, caller: Credentials, uri: Uri) -> Result<Response, BackstageError> {
    let (mut filter, mut after, mut limit) = (Filter::default(), String::new(), MOST_LISTED);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if value.contains(char::is_control) {
            let text = "The parameters must not hold control characters, which no record has";
            return Err(BackstageError::input(text));
        }
        let value = Some(value.into_owned()).filter(|value| !value.is_empty());
        match name.as_ref() {
            "promise" => filter.promise = value,
            "namespace" => filter.namespace = value,
            "name" => filter.name = value,
            "kind" => filter.kind = value,
            "after" => after = value.unwrap_or_default(),
            "limit" => limit = read_limit(value.as_deref())?,
            _ => {}
        }
    }
    answer(
        &ske.list_pending_requests(&caller, &filter, (&after, limit))
            .await?,
    )
}

fn read_limit(value: Option<&str>) -> Result<u16, BackstageError> {
    match value.map(str::parse) {
        None => Ok(MOST_LISTED),
        Some(Ok(limit)) if (1..=MOST_LISTED).contains(&limit) => Ok(limit),
        Some(_) => Err(BackstageError::input(format!(
            "The parameter 'limit' must be a number from 1 to {MOST_LISTED}"
        ))),
    }
}

async fn record(ske: Arc<Ske>, caller: Credentials, body: Unread) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::NOTE_DOWN).await?;
    let fields = body.fields(&caller).await?;
    // The parser's own words could quote the manifest.
    let input: RecordInput = serde_json::from_value(Value::Object(fields)).map_err(|_| {
        BackstageError::input(
            "The body must have promiseName, name and namespace as text, action as Request, Update or Delete, and \
             manifest; pullRequestUrl and requestsRepoUrl are text if they are given",
        )
    })?;
    answer(&ske.record_request(&caller, input).await?)
}

async fn feed(ske: Arc<Ske>, secret: SecretString, uri: Uri) -> Result<Response, BackstageError> {
    let given = uri.path().split('/').nth(2).unwrap_or_default();
    if !is_same(given, secret.expose_secret()) {
        return Err(BackstageError::not_found("There is nothing here"));
    }
    let feed = ske.pending().feed().await.map_err(SkeError::from)?;
    Ok(document(&feed))
}

/// Takes as long whatever is wrong with it.
fn is_same(given: &str, secret: &str) -> bool {
    Sha256::digest(given).ct_eq(&Sha256::digest(secret)).into()
}

fn document(feed: &Feed) -> Response {
    let mut response = Body::from_stream(stream::iter(feed.chunks())).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, YAML);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(feed.length()));
    if let Ok(tag) = HeaderValue::from_str(feed.tag()) {
        headers.insert(ETAG, tag);
    }
    response
}
