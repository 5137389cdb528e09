//! The end: running requests finish, idle connections do not hold anybody up, and there is a limit.

use std::{sync::Arc, time::Duration};

use stagedoor::{
    backstage::{
        BackendPlugin, Check, InitError, Plugin, PluginEnv, actions::Actions, permission::Permissions,
        routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
    infra::http_server::Drained,
};
use tokio::net::TcpStream;

use super::support::{TestServer, request};
use crate::support::app::{TestApp, backend_section};

#[tokio::test]
async fn a_running_request_finishes_and_idle_connections_are_dropped() {
    let mut server = TestServer::start("{}").await;
    let (mut busy, mut idle, mut fresh) = (
        server.client().await,
        server.client().await,
        server.client().await,
    );
    idle.send(&request("GET", "/short", &[])).await;
    assert_eq!(idle.answer().await.status, 200);
    busy.send(&request("GET", "/gated", &[])).await;
    server.gate.entered.notified().await;
    server.stop();
    assert!(idle.is_closed().await);
    assert!(fresh.is_closed().await);
    assert!(TcpStream::connect(server.address).await.is_err());
    server.gate.open.notify_one();
    let answer = busy.answer().await;
    assert_eq!(
        (answer.text(), answer.header("connection")),
        ("through the gate", "close")
    );
    assert_eq!(server.drained().await, Drained { abandoned: 0 });
}

#[tokio::test]
async fn a_request_that_does_not_finish_in_time_is_cut() {
    let mut server = TestServer::start_with("{}", |settings| {
        settings.with_drain_limit(Duration::from_millis(50))
    })
    .await;
    let mut busy = server.client().await;
    busy.send(&request("GET", "/gated", &[])).await;
    server.gate.entered.notified().await;
    server.stop();
    assert!(busy.is_closed().await);
    assert_eq!(server.drained().await, Drained { abandoned: 1 });
}

#[tokio::test]
async fn without_connections_the_end_comes_at_once() {
    let mut server = TestServer::start("{}").await;
    server.stop();
    assert_eq!(server.drained().await, Drained { abandoned: 0 });
}

/// A plugin whose background work never ends.
struct Hanging;

impl BackendPlugin for Hanging {
    const ID: &'static str = "hanging";
    const CONFIG_SECTION: &'static str = "hanging";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        env.tasks.spawn(std::future::pending());
        Ok(Plugin {
            routes: Routes::new().get("/", || async { "here" }),
            auth_policies: Vec::new(),
            actions: Actions::new(),
            permissions: Permissions::new(Self::ID, &env, &[]),
        })
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

#[tokio::test]
async fn background_work_that_never_ends_does_not_hold_up_the_end() {
    let app = TestApp::start_adapted(
        &format!("{}hanging: {{}}\n", backend_section()),
        |backend| backend.add::<Hanging>(),
        |app| app.with_drain_limit(Duration::from_millis(50)),
    )
    .await;
    assert_eq!(app.get("/api/hanging/").await.status(), 200);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_delay_that_kubernetes_would_not_wait_for_is_warned_of() {
    let with_delay = |seconds: u32| {
        let lifecycle = format!("  lifecycle: {{ serverShutdownDelay: {{ seconds: {seconds} }} }}\n");
        async move {
            let section = format!("{}{lifecycle}", backend_section());
            TestApp::warnings(&section, |backend| backend).await.join("\n")
        }
    };
    assert!(!with_delay(5).await.contains("serverShutdownDelay"));
    assert!(with_delay(6).await.contains("serverShutdownDelay"));
}
