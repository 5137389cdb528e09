//! Keys that change under load, judged by the verifier of a real backend.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stagedoor::{backstage::BackendBuilder, infra::tasks::Tasks};
use uuid::Uuid;

use super::{
    document::Shape,
    home::Home,
    own_tokens::{Caller, stand_in},
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp, client},
    postgres::Postgres,
};

/// How many calls each replica makes, each with a token of its own, between one change and the next: three times that and
/// twice are ten thousand.
const CALLS: usize = 1_680;

/// How many of them are under way at once.
const AT_ONCE: usize = 16;

/// A replica, whose keys are in the database of this name.
async fn replica(base: &str, prefix: &str) -> TestApp {
    let url = Postgres::shared().url();
    let config = format!(
        "backend:\n  baseUrl: {base}\n  listen: ':17007'\n  database: {{ client: pg, connection: '{url}', prefix: {prefix} \
         }}\n  auth: {{ externalAccess: [{{ type: static, options: {{ token: {STATIC_TOKEN}, subject: tests }} }}] }}\ncaller: \
         {{}}\n"
    );
    TestApp::start_with(&config, |backend: BackendBuilder| backend.add::<Caller>()).await
}

/// Makes that many calls, and returns every answer that is not what a token of ours should get.
async fn refused(app: &TestApp, calls: usize) -> Vec<Value> {
    let expected = json!({ "status": 200, "principal": { "type": "service", "subject": "plugin:ske" } });
    let client = client();
    let lane = async || {
        let mut refused = Vec::new();
        for _ in 0..calls / AT_ONCE {
            let asked = client.get(app.url("/api/ske/itself")).bearer_auth(STATIC_TOKEN);
            let answer: Value = asked.send().await.unwrap().json().await.unwrap();
            if answer != expected {
                refused.push(answer);
            }
        }
        refused
    };
    join_all((0..AT_ONCE).map(|_| lane())).await.concat()
}

async fn keys(app: &TestApp) -> usize {
    let document = client().get(app.url("/api/ske/.backstage/auth/v1/jwks.json"));
    let document: Value = document.send().await.unwrap().json().await.unwrap();
    document["keys"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_backend_refuses_none_of_ten_thousand_tokens_while_two_replicas_change_their_keys() {
    let home = Home::of(Shape::Alongside).await;
    let _turn = home.turn.lock().await;
    let prefix = format!("t{}_", Uuid::new_v4().simple());
    let base = &home.backend.base;
    let replicas = [replica(base, &prefix).await, replica(base, &prefix).await];
    let tasks = Tasks::default();
    let bases = replicas.each_ref().map(|replica| replica.base.as_str());
    stand_in(&home.stagedoor, &bases, &tasks).await;
    let mut refusals = Vec::new();
    // In turn: their first keys, an hour later the successors shown, two minutes later the successors at work.
    for (passes, published) in [(0, 2), (60 * 60, 4), (120, 4)] {
        for replica in &replicas {
            replica.clock.advance(Duration::from_secs(passes));
        }
        let calls = replicas.each_ref().map(|replica| refused(replica, CALLS));
        refusals.extend(join_all(calls).await.concat());
        for replica in &replicas {
            assert_eq!(keys(replica).await, published, "after {passes} s");
        }
    }
    assert_eq!(refusals, Vec::<Value>::new());
    tasks.shut_down().await;
}
