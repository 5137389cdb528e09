//! Plain calls to the API server, as one identity.

use std::time::Duration;

use http::{Method, header};
use reqwest::Certificate;
use serde_json::{Value, json};

use super::super::app::LIMIT;

/// What the API server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success; panics with what the server said otherwise.
    pub(crate) fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            self.body
        );
        self.body
    }

    /// The sentence of a `Status`.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

/// The API server as one identity sees it. Its connections belong to the test that made it.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
    impersonate: Vec<(&'static str, String)>,
}

impl Api {
    /// Trusts the authority and sends the token.
    pub(super) fn new(url: &str, token: &str, authority: &str) -> Self {
        let authority = Certificate::from_pem(authority.as_bytes()).unwrap();
        Self::with(url, token, builder().tls_certs_only([authority]))
    }

    /// For the time until it serves, and for a server whose certificate is none that can be trusted.
    pub(super) fn unverified(url: &str, token: &str) -> Self {
        let builder = builder().timeout(Duration::from_secs(5));
        Self::with(url, token, builder.tls_danger_accept_invalid_certs(true))
    }

    fn with(url: &str, token: &str, builder: reqwest::ClientBuilder) -> Self {
        Self {
            http: builder.build().unwrap(),
            url: url.to_owned(),
            token: token.to_owned(),
            impersonate: Vec::new(),
        }
    }

    /// The same with another token.
    pub(super) fn bearer(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            impersonate: Vec::new(),
            ..self.clone()
        }
    }

    /// The same identity, acting as somebody else.
    pub(crate) fn acting_as(&self, user: &str, groups: &[&str]) -> Self {
        let mut other = self.clone();
        other.impersonate = vec![("impersonate-user", user.to_owned())];
        let groups = groups
            .iter()
            .map(|group| ("impersonate-group", (*group).to_owned()));
        other.impersonate.extend(groups);
        other
    }

    /// GET of any path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// POST of an object to its collection.
    pub(crate) async fn create(&self, collection: &str, object: &Value) -> Answer {
        self.call(Method::POST, collection, Some(object)).await
    }

    /// PUT of a whole object to its path, or to its path with `/status`.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> Answer {
        self.call(Method::PUT, path, Some(object)).await
    }

    /// A merge patch.
    pub(crate) async fn patch(&self, path: &str, change: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(change)).await
    }

    /// DELETE of an object.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Reads, changes and writes the object (or its status, at `<path>/status`) until nobody else got in between.
    pub(crate) async fn change(&self, path: &str, change: impl Fn(&mut Value)) -> Answer {
        loop {
            let mut answer = self.get(path).await;
            if answer.status == 200 {
                change(&mut answer.body);
                answer = self.replace(path, &answer.body).await;
            }
            if answer.status != 409 {
                return answer;
            }
        }
    }

    /// Asks until the answer is as wanted; panics with the last one after half a minute.
    pub(crate) async fn wait_for(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let end = tokio::time::Instant::now() + LIMIT;
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(tokio::time::Instant::now() < end, "{path} stays {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a GET of the path succeeds.
    pub(super) async fn reaches(&self, path: &str) -> bool {
        let request = self.http.get(format!("{}{path}", self.url));
        let answer = request.bearer_auth(&self.token).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        for (name, value) in &self.impersonate {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, kind).body(body.to_string());
        }
        let answer = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        Answer { status, body }
    }
}

fn builder() -> reqwest::ClientBuilder {
    stagedoor::infra::install_crypto_provider();
    reqwest::Client::builder().no_proxy().timeout(LIMIT)
}
