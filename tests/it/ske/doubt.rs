//! Answers that may come from a path that changed: the kinds are asked for once more, by one, and nothing is lost by it.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::Semaphore, time::sleep};

use super::faults::{TOKEN, portal, read};
use crate::support::{
    app::TestApp,
    kubernetes_fake::{FakeKubernetes, KINDS, OBJECT, Reply, status},
};

/// What was asked less than a second ago is believed; the clock that measures it is not the tests' to move.
const BELIEVED: Duration = Duration::from_millis(1050);

/// How many are refused at once.
const MANY: usize = 16;

fn forbidden() -> Reply {
    Reply::Json(403, status(403, "Forbidden", "databases is forbidden"))
}

fn broken() -> Reply {
    Reply::Json(500, status(500, "InternalError", "boom"))
}

#[track_caller]
fn assert_forbidden(answer: (u16, String)) {
    assert!(
        answer.0 == 403 && answer.1.contains("databases is forbidden"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_refusal_stays_what_it_is_when_the_kinds_cannot_be_asked_for_again() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    read(&app).await.ok();
    sleep(BELIEVED).await;
    fake.plant("GET", OBJECT, &[forbidden()])
        .plant("GET", KINDS, &[broken()]);
    assert_forbidden(read(&app).await.refused());
    assert_eq!(fake.count("GET", KINDS), 2);
    read(&app).await.ok();
    assert_eq!(fake.count("GET", KINDS), 2, "what was known is still known");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn many_who_are_refused_at_once_ask_for_the_kinds_once() {
    let fake = FakeKubernetes::start().await;
    let app = TestApp::start(&fake.app_config(TOKEN, "{ timeout: 20s }")).await;
    read(&app).await.ok();
    sleep(BELIEVED).await;
    let (refusals, kinds) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let held = |gate: &Arc<Semaphore>, reply| vec![Reply::Held(Arc::clone(gate), Box::new(reply)); MANY];
    fake.plant("GET", OBJECT, &held(&refusals, forbidden()));
    fake.plant("GET", KINDS, &held(&kinds, broken()));
    let all_refused = async {
        while fake.count("GET", OBJECT) < 1 + MANY {
            sleep(Duration::from_millis(2)).await;
        }
        refusals.add_permits(MANY);
        // Long enough for all of them to ask, if they did.
        sleep(Duration::from_millis(200)).await;
        kinds.add_permits(MANY);
    };
    let (answers, ()) = tokio::join!(join_all((0..MANY).map(|_| read(&app))), all_refused);
    answers
        .into_iter()
        .for_each(|answer| assert_forbidden(answer.refused()));
    assert_eq!(fake.count("GET", KINDS), 2);
    fake.clear();
    app.stop().await.unwrap();
}
