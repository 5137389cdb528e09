//! What an App asks GitHub: whether it is installed in an account, and for a token there.
//!
//! The installation is asked for by the account's name, first as an organisation's, then as a user's. Both addresses
//! are documented for github.com and every GitHub Enterprise Server, each for its kind of account. (Backstage instead
//! lists all installations, up to a hundred a page; an App that is installed a thousand times would need ten answers
//! of a few hundred kilobytes to find one number.)

use http::{Method, StatusCode, header};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    app::GitHubApp,
    error::GitHubError,
    github::GitHubIntegration,
    installation::Installation,
    jwt::Signer,
    owner::Owner,
    refusal::{Asked, Refusal},
    token::AccessToken,
    unreachable,
};
use crate::infra::{
    clock::unix_seconds,
    http_client::{HttpClients, ReadError, read_at_most},
};

/// Largest answer read. An installation is about 4 KB, a token that lists its repositories some hundred.
const MAX_ANSWER: usize = 1 << 20;

/// GitHub refuses requests without one.
const USER_AGENT: &str = concat!("stagedoor/", env!("CARGO_PKG_VERSION"));

/// GitHub's own type, of which the version below is the oldest.
const ACCEPT: &str = "application/vnd.github+json";

/// Every server knows this version; those before versions ignore it.
const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// One App, able to ask.
pub(super) struct AppApi {
    client: reqwest::Client,
    base: Url,
    signer: Signer,
    /// The App with its key, for sentences.
    name: String,
    /// The API's host with its key, for sentences.
    api: String,
}

/// An answer, whatever it says.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl AppApi {
    /// Prepares the App of the entry; asks nothing.
    pub(super) fn new(
        integration: &GitHubIntegration,
        app: &GitHubApp,
        http: &HttpClients,
    ) -> Result<Self, GitHubError> {
        let base = integration.api_base_url.clone();
        let name = app.to_string();
        let signer = Signer::new(app.app_id, &app.private_key);
        let signer = signer.map_err(|_| GitHubError::UnusableKey { app: name.clone() })?;
        Ok(Self {
            client: http.for_url(&base).clone(),
            api: format!("{} ({}.apiBaseUrl)", base.authority(), integration.key),
            base,
            signer,
            name,
        })
    }

    /// The App with its key.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The API's host with its key.
    pub(super) fn api(&self) -> &str {
        &self.api
    }

    /// Returns a token for the account; `None` when the App is not installed there.
    pub(super) async fn token(&self, owner: &Owner) -> Result<Option<AccessToken>, GitHubError> {
        let Some(installation) = self.installation(owner).await? else {
            return Ok(None);
        };
        if installation.is_suspended {
            return Err(GitHubError::Suspended {
                app: self.name.clone(),
                owner: owner.to_string(),
            });
        }
        let id = installation.id.to_string();
        let path = ["app", "installations", &id, "access_tokens"];
        let answer = self.ask(Method::POST, &path, owner).await?;
        let parse = |answer: Answer| AccessToken::parse(&answer.body, unix_seconds());
        // Not found means that it was uninstalled a moment ago.
        answer.map(parse).transpose().map_err(|what| self.malformed(what))
    }

    async fn installation(&self, owner: &Owner) -> Result<Option<Installation>, GitHubError> {
        for kind in ["orgs", "users"] {
            let path = [kind, owner.as_str(), "installation"];
            if let Some(answer) = self.ask(Method::GET, &path, owner).await? {
                let installation = Installation::parse(&answer.body, owner);
                return installation.map(Some).map_err(|what| self.malformed(what));
            }
        }
        Ok(None)
    }

    /// Returns the answer if it is a success, and `None` when there is no such thing.
    async fn ask(&self, method: Method, path: &[&str], owner: &Owner) -> Result<Option<Answer>, GitHubError> {
        let now = unix_seconds();
        let unusable = |_| GitHubError::UnusableKey {
            app: self.name.clone(),
        };
        let shown = self.signer.sign(now).map_err(unusable)?;
        // GitHub answers 411 to a POST without a length, and without a body none is sent.
        let body = (method == Method::POST).then_some("{}");
        let request = self.client.request(method, self.address(path));
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body),
            None => request,
        };
        let request = request
            .bearer_auth(shown.expose_secret())
            .header(header::ACCEPT, ACCEPT)
            .header(header::USER_AGENT, USER_AGENT)
            .header(API_VERSION.0, API_VERSION.1);
        let answer = self.exchange(request).await?;
        if answer.status.is_success() {
            return Ok(Some(answer));
        }
        let refusal = Refusal {
            status: answer.status,
            headers: &answer.headers,
            body: &answer.body,
        };
        if refusal.is_not_found() {
            return Ok(None);
        }
        Err(refusal.error(&Asked {
            app: self.name.clone(),
            api: self.api.clone(),
            owner: owner.to_string(),
            shown: &shown,
            now,
        }))
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Answer, GitHubError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_at_most(MAX_ANSWER, response)
            .await
            .map_err(|error| match error {
                ReadError::TooLarge(_) => self.malformed("it is too long"),
                ReadError::Broken(error) => self.unreachable(&error),
            })?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// The path below the base, which may have one of its own; each part is encoded.
    fn address(&self, path: &[&str]) -> Url {
        let mut address = self.base.clone();
        if let Ok(mut parts) = address.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        address
    }

    fn malformed(&self, what: &str) -> GitHubError {
        GitHubError::Malformed {
            api: self.api.clone(),
            what: what.to_owned(),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> GitHubError {
        GitHubError::Unreachable {
            api: self.api.clone(),
            what: unreachable::why(error),
        }
    }
}
