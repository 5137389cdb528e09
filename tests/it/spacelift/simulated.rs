//! Against the simulator, which judges every document by the schema and keeps sessions like the real one.

use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;
use stagedoor::{
    infra::tasks::Tasks,
    simulator::{Fault, Simulator, SimulatorSettings, Target},
};
use tokio::net::TcpListener;

use super::{STACKS, pass, read, refusal};
use crate::support::{
    app::{LIMIT, TestApp, backend_section},
    spacelift::{API_KEY, API_SECRET},
};

async fn start(more: &str) -> (Simulator, TestApp) {
    let (simulator, config) = prepare(more).await;
    (simulator, TestApp::start(&config).await)
}

/// A simulator and the app-config that leads to it.
pub(super) async fn prepare(more: &str) -> (Simulator, String) {
    let settings = SimulatorSettings {
        api_key: API_KEY.to_owned(),
        api_secret: SecretString::from(API_SECRET),
        ..SimulatorSettings::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulator = Simulator::start(listener, settings, &Tasks::default()).unwrap();
    let config = format!(
        "{}spacelift: {{ hostUrl: '{}', apiKey: {API_KEY}, apiSecret: {API_SECRET} }}\n\
         stagedoor: {{ spacelift: {{ timeout: 2s, {more} }} }}\n",
        backend_section(),
        simulator.url()
    );
    (simulator, config)
}

/// A stack that takes a run, from the list.
async fn some_stack(app: &TestApp) -> String {
    let (_, text) = read(app.get(STACKS).await).await;
    let stacks: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    stacks.iter().find(|stack| stack["state"] == "FINISHED").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn sixty_four_first_requests_cost_one_login_and_one_list_and_a_thousand_more_cost_nothing() {
    let (simulator, app) = start("cacheTtl: 10m").await;
    simulator.set_latency(Duration::from_millis(200));
    let answers = join_all((0..64).map(|_| app.get(STACKS))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    for _ in 0..10 {
        join_all((0..100).map(|_| app.get(STACKS))).await;
    }
    let counters = simulator.counters();
    assert_eq!(
        (counters.logins(), counters.lists(), counters.refused_documents),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn the_list_after_a_trigger_shows_its_run() {
    let (simulator, app) = start("cacheTtl: 10m").await;
    let id = some_stack(&app).await;
    let (status, text) = read(app.post(&format!("{STACKS}/{id}/trigger")).await).await;
    assert!(status == 200 && text.contains(r#""state":"QUEUED""#), "{text}");
    assert_eq!(app.get(STACKS).await.status(), 200);
    assert_eq!(
        (simulator.counters().lists(), simulator.counters().triggers()),
        (2, 1)
    );
}

#[tokio::test]
async fn revoked_and_expired_sessions_are_never_visible() {
    let (simulator, app) = start("cacheTtl: 0s").await;
    let id = some_stack(&app).await;
    simulator.revoke_tokens();
    let (status, text) = read(app.get(STACKS).await).await;
    assert!(status == 200 && text.contains(&id));
    simulator.advance(Duration::from_secs(7200));
    assert!(read(app.get(STACKS).await).await.1.contains(&id));
    simulator.revoke_tokens();
    assert_eq!(app.post(&format!("{STACKS}/{id}/trigger")).await.status(), 200);
    assert_eq!(simulator.counters().logins(), 4);
}

#[tokio::test]
async fn a_clock_that_is_off_heals_itself() {
    // By our clock the sessions have ended long ago, or last for days; how long each is used.
    for (skew, used) in [(-1_000_000, 10), (1_000_000, 3600)] {
        let (simulator, mut app) = start("cacheTtl: 0s").await;
        simulator.skew_valid_until(skew);
        for logins in 1..=3 {
            for _ in 0..5 {
                assert_eq!(app.get(STACKS).await.status(), 200);
            }
            assert_eq!(simulator.counters().logins(), logins);
            pass(&mut app, used).await;
            simulator.advance(Duration::from_secs(used));
        }
    }
}

#[tokio::test]
async fn locked_disabled_unwritable_and_unknown_stacks_each_say_so() {
    let (simulator, app) = start("").await;
    let id = some_stack(&app).await;
    let trigger = format!("{STACKS}/{id}/trigger");
    simulator.update_stack(&id, |stack| stack.can_write = false);
    assert_eq!(refusal(app.post(&trigger).await).await.0, 403);
    simulator.update_stack(&id, |stack| (stack.can_write, stack.is_disabled) = (true, true));
    assert_eq!(refusal(app.post(&trigger).await).await.0, 409);
    simulator.update_stack(&id, |stack| stack.is_disabled = false);
    simulator.lock_stack(&id, "jane");
    let (status, text) = refusal(app.post(&trigger).await).await;
    assert!(status == 409 && text.contains("locked by jane"), "{text}");
    let (status, text) = refusal(app.post(&format!("{STACKS}/missing/trigger")).await).await;
    assert!(status == 404 && text.contains("'missing'"), "{text}");
    // A refusal is no reason to log in again.
    assert_eq!(simulator.counters().logins(), 1);
}

#[tokio::test]
async fn a_lost_trigger_reaches_spacelift_exactly_once() {
    let (simulator, app) = start("").await;
    let id = some_stack(&app).await;
    simulator.fail(Target::TRIGGER, 1, Fault::Close);
    let (status, text) = refusal(app.post(&format!("{STACKS}/{id}/trigger")).await).await;
    assert!(status == 504 && text.contains("may have started"), "{text}");
    assert_eq!(simulator.counters().triggers(), 1);
}

#[tokio::test]
async fn read_only_stops_triggers_and_decisions_without_a_restart() {
    let (simulator, config) = prepare("").await;
    let app = TestApp::start(&config).await;
    let id = some_stack(&app).await;
    let file = app.folder.path().join("app-config.yaml");
    let trigger = format!("{STACKS}/{id}/trigger");
    let becomes = async |status: u16| {
        let until = tokio::time::Instant::now() + LIMIT;
        while app.post(&trigger).await.status() != status {
            assert!(tokio::time::Instant::now() < until, "it never becomes {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    becomes(200).await;
    std::fs::write(&file, config.replace("apiKey:", "readOnly: true, apiKey:")).unwrap();
    becomes(403).await;
    let before = simulator.counters();
    for verb in ["confirm", "discard"] {
        let (status, text) = refusal(app.post(&format!("{STACKS}/{id}/runs/01HRUN/{verb}")).await).await;
        assert!(status == 403 && text.contains("read-only mode"), "{text}");
    }
    assert_eq!(simulator.counters(), before);
    std::fs::write(&file, config).unwrap();
    becomes(200).await;
}
