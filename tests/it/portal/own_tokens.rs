//! Tokens of our own, judged by the verifier of a real backend.

use std::sync::Arc;

use axum::Json;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use stagedoor::{
    backstage::{
        BackendBuilder, BackendPlugin, Check, InitError, Plugin, PluginEnv,
        actions::Actions,
        auth::Credentials,
        permission::Permissions,
        plugin_client::{Bearer, PluginCall, PluginClient},
        routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
    infra::tasks::Tasks,
};
use tokio::{io::copy_bidirectional, net::TcpListener, net::TcpStream};

use super::{
    document::Shape,
    home::Home,
    people::{self, GUEST},
};
use crate::support::app::{TestApp, client};

/// Calls the portal as `ske` does, and tells what was answered.
pub(super) struct Caller;

impl BackendPlugin for Caller {
    const ID: &'static str = "ske";
    const CONFIG_SECTION: &'static str = "caller";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        let client = PluginClient::new(Self::ID, &env);
        let own = client.clone();
        let routes = Routes::new()
            .get("/itself", move |_: Credentials| told(own.clone(), None))
            .get("/for-caller", move |who: Credentials| {
                told(client.clone(), Some(who))
            });
        Ok(Plugin {
            routes,
            auth_policies: Vec::new(),
            actions: Actions::new(),
            permissions: Permissions::new(Self::ID, &env, &[]),
        })
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

/// Whom the backend takes us for.
async fn told(client: PluginClient, caller: Option<Credentials>) -> Json<Value> {
    let call = PluginCall {
        plugin: "probe",
        method: Method::GET,
        path: "/caller",
        body: None,
        bearer: caller.as_ref().map_or(Bearer::Plugin, Bearer::PluginFor),
    };
    let answer = client.call(call).await;
    Json(match answer {
        Ok(answer) => json!({ "status": answer.status.as_u16(), "principal": answer.body }),
        Err(error) => json!({ "error": error.message() }),
    })
}

/// Passes on what comes to the address, where the backend expects Stagedoor, to those that run, in turn.
pub(super) async fn stand_in(address: &str, to: &[&str], tasks: &Tasks) {
    let listener = TcpListener::bind(address.replace("http://localhost", "127.0.0.1"))
        .await
        .unwrap();
    let to: Vec<String> = to.iter().map(|base| base.replace("http://", "")).collect();
    let more = tasks.clone();
    tasks.spawn_until_shutdown(async move {
        let mut turns = to.into_iter().cycle();
        while let Ok((mut stream, _)) = listener.accept().await {
            let to = turns.next().unwrap();
            more.spawn_until_shutdown(async move {
                let mut app = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut app).await;
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_backend_takes_our_tokens_for_what_they_say() {
    let home = Home::of(Shape::Alongside).await;
    let _turn = home.turn.lock().await;
    let base = &home.backend.base;
    let config = format!("backend:\n  baseUrl: {base}\n  listen: ':17007'\ncaller: {{}}\n");
    let app = TestApp::start_with(&config, |backend: BackendBuilder| backend.add::<Caller>()).await;
    let tasks = Tasks::default();
    stand_in(&home.stagedoor, &[&app.base], &tasks).await;

    let guest = people::guest(base).await;
    let ask = async |path: &str| people::json(client().get(app.url(path)).bearer_auth(&guest)).await;
    let service = json!({ "type": "service", "subject": "plugin:ske" });
    let mut for_guest = json!({ "type": "user", "userEntityRef": GUEST });
    for_guest["actor"] = service.clone();
    for (path, principal) in [("/api/ske/itself", service), ("/api/ske/for-caller", for_guest)] {
        let expected = json!({ "status": 200, "principal": principal });
        let answers = join_all((0..100).map(|_| ask(path))).await;
        for answer in answers {
            assert_eq!(answer, expected, "{path}");
        }
    }
    tasks.shut_down().await;
}
