//! A portal's user: the config files of a fresh create-app, a real browser, the real binary.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use stagedoor::simulator::{Simulator, SimulatorSettings};

use crate::support::{binary::Binary, node, simulator};

/// Where a developer's browser finds the app.
const APP: &str = "http://localhost:3000";
/// `app.baseUrl` of the production file: there the backend serves the app.
const PRODUCTION_APP: &str = "http://localhost:7007";
const TOKEN: &str = "a-token-for-the-browser-test";
/// A stack of the simulator that is at rest, so that the page offers to trigger it.
const IDLE: &str = "production-network";

/// A fresh portal, a Stagedoor beside it and the Spacelift behind that.
struct Portal {
    stagedoor: Binary,
    base: String,
    spacelift: Simulator,
}

impl Portal {
    async fn start() -> Self {
        let settings = SimulatorSettings::default();
        let (key, secret) = (settings.api_key.clone(), "simulated-secret");
        let spacelift = simulator::start(settings).await;
        let overlay = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/app-config.stagedoor.yaml");
        let data = tempfile::tempdir().unwrap().keep();
        let callers =
            json!([{"type": "static", "options": {"token": TOKEN, "subject": "browser"}}]).to_string();
        let stagedoor = Binary::start(
            fresh_app(),
            &[
                "serve",
                "--config=app-config.yaml",
                "--config=app-config.production.yaml",
                "--config",
                overlay.to_str().unwrap(),
                "--listen=127.0.0.1:0",
            ],
            &[
                ("SPACELIFT_API_KEY_ID", &key),
                ("SPACELIFT_API_KEY_SECRET", secret),
                (
                    "APP_CONFIG_stagedoor_spacelift_endpoint",
                    &format!("{}/graphql", spacelift.url()),
                ),
                ("APP_CONFIG_stagedoor_dataDir", data.to_str().unwrap()),
                ("APP_CONFIG_backend_auth_externalAccess", &callers),
            ],
        );
        let base = stagedoor.base().replace("127.0.0.1", "localhost");
        Self {
            stagedoor,
            base,
            spacelift,
        }
    }

    /// Opens a page at the origin and makes the calls; `(method, path, token)`.
    async fn visit(&self, origin: &str, calls: &[(&str, &str, Option<&str>)]) -> Value {
        let calls: Vec<Value> = calls
            .iter()
            .map(|(method, path, token)| {
                json!({"method": method, "url": format!("{}/api/spacelift-io{path}", self.base), "token": token})
            })
            .collect();
        let visit = json!({"origin": origin, "calls": calls}).to_string();
        tokio::task::spawn_blocking(move || browse(&visit)).await.unwrap()
    }
}

/// The folder of an app made by the real create-app; made once.
fn fresh_app() -> &'static Path {
    static APP: OnceLock<PathBuf> = OnceLock::new();
    APP.get_or_init(|| {
        let tool = node::installed("create-app");
        let folder = tempfile::tempdir().unwrap().keep();
        let made = Command::new("node")
            .arg(tool.join("make.mjs"))
            .arg(&folder)
            .output();
        let made = made.expect("node starts; `tests/run` says how to install it");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(
            folder.join("app-config.production.yaml").exists(),
            "create-app made no app:\n{said}"
        );
        folder
    })
}

/// Makes a visit in a browser, and returns what the page saw; `tests/node/browser/visit.mjs` says how both are written.
pub(crate) fn browse(visit: &str) -> Value {
    let script = node::installed("browser").join("visit.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts; `tests/run` says how to install it");
    node.stdin.take().unwrap().write_all(visit.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the browser did not come back:\n{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The body of a call, as JSON.
fn body(seen: &Value, call: usize) -> Value {
    let text = seen["calls"][call]["body"]
        .as_str()
        .unwrap_or_else(|| panic!("call {call} has no body: {seen:#}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_portals_files_and_one_overlay_let_the_stock_page_list_and_trigger() {
    let portal = Portal::start().await;
    let seen = portal
        .visit(
            APP,
            &[("GET", "/stacks", Some(TOKEN)), ("GET", "/stacks", Some(TOKEN))],
        )
        .await;
    assert_eq!(seen["calls"][0]["status"], 200, "{seen:#}");
    let before = state_of(IDLE, &body(&seen, 0));

    let preflights = seen["preflights"].as_array().unwrap();
    assert_eq!(
        preflights.len(),
        1,
        "the second poll needs no preflight: {seen:#}"
    );
    assert_eq!(preflights[0]["status"], 204, "{seen:#}");

    let trigger = format!("/stacks/{IDLE}/trigger");
    let seen = portal
        .visit(
            APP,
            &[("POST", &trigger, Some(TOKEN)), ("GET", "/stacks", Some(TOKEN))],
        )
        .await;
    assert_eq!(seen["calls"][0]["status"], 200, "{seen:#}");
    assert!(body(&seen, 0)["id"].is_string(), "{seen:#}");
    let after = state_of(IDLE, &body(&seen, 1));
    assert_eq!(
        after,
        portal.spacelift.stack(IDLE).unwrap().state,
        "the list is fresh at once"
    );
    assert_ne!(after, before);
    let (status, _) = portal.stagedoor.terminated();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_at_the_apps_own_address_is_let_in_although_cors_names_another() {
    let portal = Portal::start().await;
    let seen = portal
        .visit(PRODUCTION_APP, &[("GET", "/stacks", Some(TOKEN))])
        .await;
    assert_eq!(seen["calls"][0]["status"], 200, "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_read_the_text_of_an_error() {
    let portal = Portal::start().await;
    let calls = [
        ("GET", "/stacks", None),
        ("GET", "/stacks", Some("not-the-token-at-all")),
        ("POST", "/stacks/no-such-stack/trigger", Some(TOKEN)),
        ("GET", "/no-such-route", Some(TOKEN)),
    ];
    let seen = portal.visit(APP, &calls).await;
    for (call, status) in [401, 401, 404, 404].into_iter().enumerate() {
        assert_eq!(seen["calls"][call]["status"], status, "call {call}: {seen:#}");
        assert!(
            body(&seen, call)["error"].is_string(),
            "the page prints `error` as text: {seen:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_stranger_learns_nothing() {
    let portal = Portal::start().await;
    let seen = portal
        .visit(
            "http://localhost:3999",
            &[("GET", "/stacks", Some(TOKEN)), ("GET", "/health", None)],
        )
        .await;
    for call in 0..2 {
        assert_eq!(seen["calls"][call]["failed"], "Failed to fetch", "{seen:#}");
    }
}

fn state_of(id: &str, stacks: &Value) -> String {
    let row = stacks.as_array().unwrap().iter().find(|row| row["id"] == id);
    row.unwrap_or_else(|| panic!("no {id} in {stacks:#}"))["state"]
        .as_str()
        .unwrap()
        .to_owned()
}
