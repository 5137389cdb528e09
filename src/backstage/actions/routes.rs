//! `/.backstage/actions/…`: the list, and the two ways to invoke (v2 takes secrets).

use std::sync::Arc;

use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    invoke::{Wanted, defect, invoke},
    registry::Registry,
};
use crate::{
    backstage::{
        auth::Credentials,
        error::BackstageError,
        routes::{Routes, segments},
        unread::Unread,
    },
    infra::http_server::JsonResponse,
};

const LIST: &str = "/.backstage/actions/v1/actions";
const INVOKE: &str = "/.backstage/actions/v1/actions/{id}/invoke";
const INVOKE_WITH_SECRETS: &str = "/.backstage/actions/v2/actions/{id}/invoke";

/// The routes of one plugin's actions.
pub(crate) fn routes(registry: Registry) -> Routes {
    let lists = Arc::new(registry);
    let (first, second) = (Arc::clone(&lists), Arc::clone(&lists));
    Routes::new()
        .get(LIST, move |caller| list(Arc::clone(&lists), caller))
        .post(INVOKE, move |caller, uri, body| {
            invoke_bare(Arc::clone(&first), caller, uri, body)
        })
        .post(INVOKE_WITH_SECRETS, move |caller, uri, body| {
            invoke_wrapped(Arc::clone(&second), caller, uri, body)
        })
}

/// Whether the path, relative to the mount, is one that invokes.
pub(super) fn invokes(path: &str) -> bool {
    let path: Vec<String> = segments(path).map(str::to_ascii_lowercase).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path.as_slice(),
        [".backstage", "actions", "v1" | "v2", "actions", _, "invoke"]
    )
}

async fn list(registry: Arc<Registry>, caller: Credentials) -> Result<JsonResponse, BackstageError> {
    written(&registry.list(&caller).await)
}

/// v1: the body is the input.
async fn invoke_bare(
    registry: Arc<Registry>,
    caller: Credentials,
    uri: Uri,
    body: Unread,
) -> Result<JsonResponse, BackstageError> {
    let id = action_id(&uri);
    let wanted = Wanted {
        id: &id,
        body,
        unwrap: |input| (input, None),
    };
    written(&invoke(&registry, wanted, caller).await?)
}

/// v2: the body wraps the input and, for actions that take any, secrets.
async fn invoke_wrapped(
    registry: Arc<Registry>,
    caller: Credentials,
    uri: Uri,
    body: Unread,
) -> Result<JsonResponse, BackstageError> {
    let id = action_id(&uri);
    let wanted = Wanted {
        id: &id,
        body,
        unwrap: |mut body| {
            let mut take = |key: &str| body.get_mut(key).map(Value::take);
            (take("input").unwrap_or_else(|| json!({})), take("secrets"))
        },
    };
    written(&invoke(&registry, wanted, caller).await?)
}

/// Reads the id from `…/{id}/invoke`; the stock client sends its colon escaped.
fn action_id(uri: &Uri) -> String {
    let ids = segments(uri.path()).collect::<Vec<_>>();
    let id = ids.iter().rev().nth(1).copied().unwrap_or_default();
    percent_decode_str(id).decode_utf8_lossy().into_owned()
}

fn written(body: &Value) -> Result<JsonResponse, BackstageError> {
    let unwritable = |error: serde_json::Error| defect("The answer could not be written").with_cause(error);
    JsonResponse::new(StatusCode::OK, body).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_arrives_escaped_or_not() {
        for path in ["sample:do-thing", "sample%3Ado-thing", "sample%3ado%2Dthing"] {
            let uri: Uri = format!("/.backstage/actions/v1/actions/{path}/invoke")
                .parse()
                .unwrap();
            assert_eq!(action_id(&uri), "sample:do-thing");
        }
    }

    #[test]
    fn only_paths_that_invoke_are_taken_for_such() {
        assert!(invokes("/.Backstage/actions//v2/actions/a%3Ab/INVOKE/"));
        for path in [
            LIST,
            "/stacks",
            "/.backstage/actions/v3/actions/x/invoke",
            "/.backstage/actions/v1/actions/x",
        ] {
            assert!(!invokes(path), "{path}");
        }
    }
}
