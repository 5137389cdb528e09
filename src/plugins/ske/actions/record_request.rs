//! `ske:record-request`

use std::sync::Arc;

use serde_json::json;

use super::super::{operations::Ske, pending::RecordInput, permissions};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /pending-requests` does.
pub(in super::super) struct RecordRequest(pub(super) Arc<Ske>);

impl Action for RecordRequest {
    const NAME: &'static str = "record-request";
    const TITLE: &'static str = "Record a request";
    const DESCRIPTION: &'static str = "Records that a resource was requested, changed or given up, so that the portal shows it until the platform \
         has followed or the pull request was closed. Run it after the request was submitted. The same Promise, \
         namespace and name again replace what was recorded before.";
    const ATTRIBUTES: Attributes = Attributes {
        // What it replaces is a note about the same request.
        destructive: false,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = permissions::NOTE_DOWN;
    type Input = RecordInput;
    type Output = ();

    fn examples() -> Vec<Example> {
        let manifest = "apiVersion: example.org/v1\nkind: Database\nmetadata:\n  name: orders\n  namespace: shop\nspec:\n  size: small\n";
        vec![
            Example {
                title: "After a request that was applied",
                description: None,
                input: json!({
                    "promiseName": "database", "name": "orders", "namespace": "shop", "action": "Request",
                    "manifest": manifest,
                }),
                output: None,
            },
            Example {
                title: "After a pull request that deletes",
                description: None,
                input: json!({
                    "promiseName": "database", "name": "orders", "namespace": "shop", "action": "Delete",
                    "pullRequestUrl": "https://github.com/example/requests/pull/12",
                    "requestsRepoUrl": "github.com?owner=example&repo=requests", "manifest": manifest,
                }),
                output: None,
            },
        ]
    }

    async fn invoke(&self, call: Call<RecordInput>) -> Result<(), BackstageError> {
        self.0.record_request(&call.caller, call.input).await?;
        Ok(())
    }
}
