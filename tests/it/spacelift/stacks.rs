//! `GET /stacks`: the Node plugin's bytes, and one list for everybody.

use futures_util::future::join_all;
use serde_json::json;

use super::{STACKS, portal, read, refusal};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    spacelift::{
        FakeSpacelift, Reply, SESSION, dead_list, error, graphql_refusal, listed, logged_in_as, stack,
        triggered,
    },
};

/// What `observe.sh` recorded from the Node plugin for two stacks, and its ETag.
const TWO_STACKS: &str = r#"[{"id":"production-network-eu-west-1-00000","name":"production / network / eu-west-1 / 00000","description":"network layer of the production platform in eu-west-1, owned by team-00","labels":["env:production","layer:network","region:eu-west-1","team:team-00"],"state":"APPLYING","branch":"main","spaceDetails":{"id":"space-00-01H00000000","name":"production-00"}},{"id":"staging-cluster-eu-central-1-00001","name":"staging / cluster / eu-central-1 / 00001","description":"cluster layer of the staging platform in eu-central-1, owned by team-01","labels":["env:staging","layer:cluster","region:eu-central-1","team:team-01"],"state":"CONFIRMED","branch":"main","spaceDetails":{"id":"space-01-01H00000001","name":"staging-01"}}]"#;
const TWO_STACKS_ETAG: &str = r#"W/"2d5-/Dxbo7o7A0+vB1c5BECaLkM9ATU""#;

async fn two_stacks() -> FakeSpacelift {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(serde_json::from_str(TWO_STACKS).unwrap()));
    fake
}

#[tokio::test]
async fn the_list_equals_the_node_plugins_byte_for_byte_headers_included() {
    let fake = two_stacks().await;
    let app = portal(&fake).await;
    let response = app.get(STACKS).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], TWO_STACKS_ETAG);
    assert_eq!(
        response.headers()["content-type"],
        "application/json; charset=utf-8"
    );
    assert_eq!(response.headers()["content-length"], "725");
    assert_eq!(response.text().await.unwrap(), TWO_STACKS);
}

#[tokio::test]
async fn spellings_that_express_accepts_and_head_give_the_same_list() {
    let fake = two_stacks().await;
    let app = portal(&fake).await;
    for path in ["/stacks/", "/STACKS", "//stacks", "/stacks?limit=1"] {
        let (status, text) = read(app.get(&format!("/api/spacelift-io{path}")).await).await;
        assert_eq!((status, text.as_str()), (200, TWO_STACKS), "{path}");
    }
    let head = app
        .client
        .head(app.url(STACKS))
        .bearer_auth(STATIC_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"725".parse().unwrap())
    );
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_browser_that_has_the_list_gets_a_304() {
    let fake = two_stacks().await;
    let app = portal(&fake).await;
    let asked = app.client.get(app.url(STACKS)).bearer_auth(STATIC_TOKEN);
    let response = asked
        .header("if-none-match", TWO_STACKS_ETAG)
        .send()
        .await
        .unwrap();
    assert_eq!(read(response).await, (304, String::new()));
}

#[tokio::test]
async fn an_account_without_stacks_is_an_empty_list() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let app = portal(&fake).await;
    assert_eq!(read(app.get(STACKS).await).await, (200, "[]".to_owned()));
}

#[tokio::test]
async fn an_unknown_state_and_unknown_fields_do_not_lose_the_list() {
    let fake = FakeSpacelift::start().await;
    let mut odd = stack("odd");
    odd["state"] = "TELEPORTING".into();
    odd["surprise"] = json!({"more": 1});
    fake.expect_login()
        .expect("ListStacks", listed(json!([odd, stack("plain")])));
    let app = portal(&fake).await;
    let (status, text) = read(app.get(STACKS).await).await;
    assert_eq!(status, 200);
    assert!(
        text.contains(r#""state":"TELEPORTING","branch""#)
            && text.contains("plain")
            && !text.contains("surprise")
    );
}

#[tokio::test]
async fn sixty_four_simultaneous_first_requests_cost_one_login_and_one_list() {
    let fake = FakeSpacelift::start().await;
    let (go, list) = listed(json!([stack("a")])).held();
    fake.expect_login().expect("ListStacks", list);
    let app = portal(&fake).await;
    let asking = join_all((0..64).map(|_| app.get(STACKS)));
    let (answers, ()) = tokio::join!(asking, async {
        fake.received(2).await;
        go.send(()).unwrap();
    });
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_thousand_requests_within_the_time_to_live_cost_one_list() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(json!([stack("a")])));
    let app = TestApp::start(&fake.app_config("cacheTtl: 10m")).await;
    for _ in 0..10 {
        let answers = join_all((0..100).map(|_| app.get(STACKS))).await;
        assert!(answers.iter().all(|answer| answer.status() == 200));
    }
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn without_a_time_to_live_each_request_asks_anew() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(json!([])))
        .expect("ListStacks", listed(json!([stack("a")])));
    let app = TestApp::start(&fake.app_config("cacheTtl: 0s")).await;
    assert_eq!(read(app.get(STACKS).await).await.1, "[]");
    assert!(read(app.get(STACKS).await).await.1.contains("Name of a"));
}

#[tokio::test]
async fn a_dead_session_is_replaced_and_never_shows_as_an_empty_list() {
    let nobody =
        json!({"data": {"viewer": null, "stacks": null}, "errors": [{"message": "stacks: no such thing"}]});
    for dead in [
        dead_list(),
        error("unauthorized"),
        graphql_refusal(401),
        graphql_refusal(403),
        Reply::Json(nobody),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("ListStacks", dead)
            .expect("LogIn", logged_in_as("canary-second-session"))
            .expect("ListStacks", listed(json!([stack("a")])));
        let app = portal(&fake).await;
        let (status, text) = read(app.get(STACKS).await).await;
        assert!(status == 200 && text.contains("Name of a"), "{status} {text}");
        assert_eq!(
            fake.last("ListStacks").header("authorization"),
            Some("Bearer canary-second-session")
        );
    }
}

#[tokio::test]
async fn a_session_that_is_never_accepted_is_a_502_after_one_repetition() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", dead_list())
        .expect_login()
        .expect("ListStacks", dead_list());
    let app = portal(&fake).await;
    let (status, text) = refusal(app.get(STACKS).await).await;
    assert_eq!(status, 502);
    assert!(text.contains("not the session"), "{text}");
}

#[tokio::test]
async fn a_fetch_begun_before_a_trigger_answers_its_waiter_and_is_not_kept() {
    let fake = FakeSpacelift::start().await;
    let (go, old) = listed(json!([stack("old")])).held();
    fake.expect_login()
        .expect("ListStacks", old)
        .expect("TriggerRun", triggered("run"))
        .expect("ListStacks", listed(json!([stack("new")])));
    let app = portal(&fake).await;
    let (early, ()) = tokio::join!(app.get(STACKS), async {
        fake.received(2).await;
        assert_eq!(app.post("/api/spacelift-io/stacks/a/trigger").await.status(), 200);
        assert!(read(app.get(STACKS).await).await.1.contains("Name of new"));
        go.send(()).unwrap();
    });
    assert!(read(early).await.1.contains("Name of old"));
    assert!(read(app.get(STACKS).await).await.1.contains("Name of new"));
}

#[tokio::test]
async fn spacelift_is_told_who_asks_in_headers_and_the_operation_by_name() {
    let fake = two_stacks().await;
    let app = portal(&fake).await;
    app.get(STACKS).await;
    let (login, list) = (fake.last("LogIn"), fake.last("ListStacks"));
    assert_eq!(login.header("authorization"), None);
    assert_eq!(login.header("spacelift-graphql-mutation"), Some("LogIn"));
    assert_eq!(
        list.header("authorization"),
        Some(format!("Bearer {SESSION}").as_str())
    );
    assert_eq!(list.header("spacelift-graphql-query"), Some("ListStacks"));
    assert_eq!(list.header("spacelift-client-type"), Some("stagedoor"));
    assert!(list.header("user-agent").unwrap().starts_with("stagedoor/"));
    assert_eq!(list.body["variables"], json!(null));
}

#[tokio::test]
async fn health_is_open_and_says_nothing_about_spacelift() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    for path in ["/health", "/HEALTH", "/health/"] {
        let response = app
            .client
            .get(app.url(&format!("/api/spacelift-io{path}")))
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["etag"], r#"W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg""#);
        assert_eq!(read(response).await, (200, r#"{"status":"ok"}"#.to_owned()));
    }
    let posted = app
        .client
        .post(app.url("/api/spacelift-io/health"))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 404);
}

#[tokio::test]
async fn refusals_before_spacelift_are_text_in_this_plugin_and_an_envelope_below_backstages_own_paths() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    let anonymous = |path: &str| app.client.get(app.url(path)).send();
    assert_eq!(
        refusal(anonymous(STACKS).await.unwrap()).await,
        (401, "Missing credentials".to_owned())
    );
    let wrong = app
        .client
        .get(app.url(STACKS))
        .bearer_auth("nope-nope-nope")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(wrong).await, (401, "Illegal token".to_owned()));
    assert_eq!(refusal(app.get("/api/spacelift-io/nope").await).await.0, 404);
    assert_eq!(
        refusal(app.get("/api/spacelift-io/stacks/x/y").await).await.0,
        404
    );
    let (status, text) = read(anonymous("/api/spacelift-io/.backstage/x").await.unwrap()).await;
    assert!(
        status == 401 && text.starts_with(r#"{"error":{"name":"AuthenticationError""#),
        "{text}"
    );
}
