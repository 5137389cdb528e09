//! Fetches a key document, with bounds on time, size and redirects, because a stranger's token can cause it.

use std::time::Duration;

use reqwest::header;
use url::Url;

use super::key_set::KeySet;
use crate::infra::http_client::{HttpClients, ReadError, read_at_most};

/// Time for the whole fetch; Backstage's value.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Largest document read. A key is under 1 KB and an issuer publishes a handful.
const MAX_BYTES: usize = 256 * 1024;

/// Names us to the issuer's log.
const USER_AGENT: &str = concat!("stagedoor/", env!("CARGO_PKG_VERSION"));

/// Returns the keys at the address, or what went wrong in words for the log.
pub(super) async fn key_set(http: &HttpClients, url: &Url) -> Result<KeySet, String> {
    let body = match tokio::time::timeout(TIMEOUT, body(http, url)).await {
        Ok(body) => body?,
        Err(_) => return Err(format!("no answer within {} seconds", TIMEOUT.as_secs())),
    };
    let document = serde_json::from_slice(&body).map_err(|_| "the answer is not JSON".to_owned())?;
    KeySet::parse(&document).ok_or_else(|| "the answer has no list of keys".to_owned())
}

async fn body(http: &HttpClients, url: &Url) -> Result<Vec<u8>, String> {
    let request = http
        .for_node(url)
        .get(url.clone())
        .header(header::USER_AGENT, USER_AGENT);
    let response = request.send().await.map_err(|error| plain(&error))?;
    // Redirects are not followed, so a 3xx ends here too.
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()));
    }
    read_at_most(MAX_BYTES, response)
        .await
        .map_err(|error| match error {
            ReadError::TooLarge(limit) => format!("the answer is larger than {} KB", limit / 1024),
            ReadError::Broken(error) => plain(&error),
        })
}

fn plain(error: &reqwest::Error) -> String {
    let what = if error.is_connect() {
        "could not connect"
    } else {
        "the connection broke"
    };
    what.to_owned()
}
