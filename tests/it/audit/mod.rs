//! Audit events: who did what to what, and how it ended, as a person who reads the log sees it.

mod followed;
mod levels;
mod platform;
mod requests;
mod spacelift;

use serde_json::Value;

use crate::support::{
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer},
    binary::Binary,
};

/// Stagedoor's own process, which writes JSON lines.
struct Recorded {
    binary: Binary,
    base: String,
    token: String,
    _fake: FakeBackstage,
    _folder: tempfile::TempDir,
}

impl Recorded {
    /// Starts with these sections beside `backend`, of which `auditor` is given.
    async fn start(auditor: &str, sections: &str) -> Self {
        let fake = FakeBackstage::empty().await;
        let user = Signer::fixture("user1");
        fake.serve(
            AUTH_KEYS,
            Answer::Document(serde_json::json!({ "keys": [user.published()] })),
        );
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "backend:\n  baseUrl: {}\n  listen: ':17007'\n  auditor: {auditor}\n  auth:\n    externalAccess:\n      - {{ \
             type: static, options: {{ token: {}, subject: tests }} }}\n{sections}",
            fake.origin,
            crate::support::app::STATIC_TOKEN,
        );
        std::fs::write(folder.path().join("app-config.yaml"), config).unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let binary = Binary::start(folder.path(), &arguments, &[("NODE_ENV", "production")]);
        Self {
            base: binary.base(),
            binary,
            token: user.user("user:default/jane", FAR),
            _fake: fake,
            _folder: folder,
        }
    }

    /// A request with the user's token; returns its status.
    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> u16 {
        self.ask_as(&self.token, (method, path), body).await
    }

    async fn ask_as(&self, token: &str, (method, path): (&str, &str), body: Option<&Value>) -> u16 {
        let client = crate::support::app::client();
        let address = format!("{}{path}", self.base);
        let request = client
            .request(method.parse().unwrap(), address)
            .bearer_auth(token);
        let request = request.header("user-agent", "portal \"x\"");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    }

    /// Stops, and returns every audit event that was written.
    async fn events(self) -> Vec<Value> {
        let binary = self.binary;
        let (_, printed) = tokio::task::spawn_blocking(|| binary.terminated()).await.unwrap();
        let lines = printed.lines().filter(|line| line.contains("isAuditEvent"));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
