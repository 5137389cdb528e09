//! Stagedoor among other backends, asked byte by byte: the reason phrase is what clients throw away.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::sample::Sample;
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys},
};

/// A static token that may use the permission `sample.other` alone.
pub(super) const LIMITED_TOKEN: &str = "limited-token-of-the-tests";

/// Where the sample plugin's actions are listed.
pub(super) const LIST: &str = "/api/sample/.backstage/actions/v1/actions";

/// Longer than any action may take, since some tests let that time pass.
const PATIENCE: Duration = Duration::from_secs(600);

/// A portal with the sample plugin.
pub(super) struct Portal {
    pub(super) app: TestApp,
    user: Signer,
    plugin: Signer,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// What stands behind the status.
    pub(crate) phrase: String,
    pub(crate) headers: String,
    pub(crate) text: String,
}

impl Portal {
    /// Starts with nothing special.
    pub(super) async fn start() -> Self {
        Self::with("{}", "").await
    }

    /// Starts with this as `backend.actions`, and more sections.
    pub(super) async fn with(actions: &str, more: &str) -> Self {
        Self::adapted(actions, more, "").await
    }

    /// Starts without the barrier in front of the routes.
    pub(super) async fn without_barrier() -> Self {
        Self::adapted("{}", "", "dangerouslyDisableDefaultAuthPolicy: true\n    ").await
    }

    async fn adapted(actions: &str, more: &str, auth: &str) -> Self {
        let fake = FakeBackstage::empty().await;
        let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("catalog"));
        fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [user.published()] })));
        for id in ["scaffolder", "mcp-actions"] {
            let keys = json!({ "keys": [plugin.published()] });
            fake.serve(&plugin_keys(id), Answer::Document(keys));
        }
        let config = format!(
            "backend:\n  baseUrl: {}\n  listen: ':17007'\n  actions: {actions}\n  auth:\n    {auth}externalAccess:\n      \
             - {{ type: static, options: {{ token: {STATIC_TOKEN}, subject: tests }} }}\n      \
             - {{ type: static, options: {{ token: {LIMITED_TOKEN}, subject: robot }}, accessRestrictions: \
             [{{ plugin: sample, permission: sample.other }}] }}\nsample: {{}}\n{more}",
            fake.origin
        );
        let app = TestApp::start_with(&config, |backend| backend.add::<Sample>()).await;
        Self { app, user, plugin }
    }

    /// A signed-in user's token.
    pub(super) fn user(&self) -> String {
        self.user.user("user:default/jane", FAR)
    }

    /// The token of a plugin that calls for that user.
    pub(super) fn through(&self, plugin: &str) -> String {
        let claims = json!({ "sub": "user:default/jane", "iat": 1, "exp": FAR });
        let limited = self.user.sign("vnd.backstage.limited-user", &claims);
        let claims = json!({ "sub": plugin, "aud": "sample", "iat": 1, "exp": FAR, "obo": limited });
        self.plugin.sign("vnd.backstage.plugin", &claims)
    }

    /// The list as whoever the token belongs to sees it.
    pub(super) async fn list(&self, token: &str) -> Vec<Value> {
        let reply = self.send(("GET", LIST), Some(token), "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["actions"].as_array().unwrap().clone()
    }

    /// The ids in that list.
    pub(super) async fn ids(&self, token: &str) -> Vec<String> {
        let list = self.list(token).await;
        list.iter()
            .map(|action| action["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Invokes an action of the sample plugin with the static token.
    pub(super) async fn invoke(&self, action: &str, input: &Value) -> Reply {
        self.invoke_as(STATIC_TOKEN, action, input).await
    }

    /// Invokes as whoever the token belongs to.
    pub(super) async fn invoke_as(&self, token: &str, action: &str, input: &Value) -> Reply {
        let path = format!("{LIST}/sample%3A{action}/invoke");
        self.send(("POST", &path), Some(token), &input.to_string()).await
    }

    /// Invokes the way that takes secrets.
    pub(super) async fn invoke_v2(&self, action: &str, body: &Value) -> Reply {
        let path = format!("/api/sample/.backstage/actions/v2/actions/sample%3A{action}/invoke");
        self.send(("POST", &path), Some(STATIC_TOKEN), &body.to_string())
            .await
    }

    /// Sends one request with a JSON body and reads until the connection ends.
    pub(super) async fn send(&self, line: (&str, &str), token: Option<&str>, body: &str) -> Reply {
        send(&self.app, line, token, body).await
    }

    /// Sends these bytes and reads until the connection ends.
    pub(super) async fn raw(&self, bytes: &str) -> Reply {
        raw(&self.app, bytes).await
    }
}

/// Sends one request with a JSON body and reads until the connection ends.
pub(crate) async fn send(
    app: &TestApp,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: &str,
) -> Reply {
    let token = token
        .map(|token| format!("authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    raw(app, &request).await
}

async fn raw(app: &TestApp, bytes: &str) -> Reply {
    let address = app.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    timeout(PATIENCE, read).await.expect("an answer in time").unwrap();
    Reply::parse(&answer)
}

impl Reply {
    fn parse(answer: &[u8]) -> Self {
        let answer = String::from_utf8_lossy(answer);
        let (head, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let (line, headers) = head.split_once("\r\n").unwrap();
        let mut parts = line.splitn(3, ' ');
        assert_eq!(parts.next(), Some("HTTP/1.1"));
        Self {
            status: parts.next().unwrap().parse().unwrap(),
            phrase: parts.next().unwrap().to_owned(),
            headers: headers.to_ascii_lowercase(),
            text: text.to_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The output of an invocation that succeeded.
    #[track_caller]
    pub(crate) fn output(&self) -> Value {
        assert_eq!((self.status, self.phrase.as_str()), (200, "OK"), "{self:?}");
        self.json()["output"].clone()
    }

    /// Status, name and message of a failure, whose id and phrase must be as they should.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, String, String) {
        let body = self.json();
        let error = &body["error"];
        let text = |key: &str| {
            error[key]
                .as_str()
                .unwrap_or_else(|| panic!("no {key}: {self:?}"))
                .to_owned()
        };
        assert_eq!(body["response"]["statusCode"], self.status);
        assert!(
            body["request"]["url"]
                .as_str()
                .unwrap()
                .starts_with("/.backstage/actions/"),
            "{body}"
        );
        let id = format!(" [{}]", text("requestId"));
        assert!(self.phrase.ends_with(&id) && self.phrase.len() <= 200, "{self:?}");
        assert!(
            self.phrase.bytes().all(|byte| (0x20..=0x7e).contains(&byte)),
            "{self:?}"
        );
        let begin: String = text("message").chars().take(40).collect();
        assert!(self.phrase.starts_with(&begin), "{self:?}");
        (self.status, text("name"), text("message"))
    }
}
