//! Each operation on Spacelift's stacks and runs, judged for the user who asks.

use serde_json::json;

use super::{JANE, Portal, question, through_scaffolder, token_of};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    backstage::{FAR, Signer, user_claims},
    github::now,
    policy::FakePolicy,
    spacelift::{FakeSpacelift, listed, triggered},
};

const STACKS: &str = "/api/spacelift-io/stacks";
const TRIGGER: &str = "/api/spacelift-io/stacks/a/trigger";

async fn portal(fake: &FakeSpacelift) -> Portal {
    Portal::start(&fake.section("timeout: 1s")).await
}

#[tokio::test]
async fn the_user_a_policy_denies_the_trigger_gets_a_403_and_spacelift_hears_nothing() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    portal.policy.deny(JANE, "spacelift.run.trigger");
    let (status, text) = portal.post(&token_of(JANE), TRIGGER, &json!({})).await;
    assert_eq!(status, 403, "{text}");
    for says in [JANE, "spacelift.run.trigger", "permission policy"] {
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(
        portal.policy.questions(),
        [question(
            "spacelift-io",
            JANE,
            &[("spacelift.run.trigger", "update")]
        )]
    );
    fake.expect_login().expect("TriggerRun", triggered("run"));
    let other = portal
        .post(&token_of("user:default/ann"), TRIGGER, &json!({}))
        .await;
    assert_eq!(other.0, 200, "{other:?}");
}

#[tokio::test]
async fn each_operation_asks_for_its_own_permission() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    let run = format!("{STACKS}/a/runs/01JD0000000000000000000000");
    let token = through_scaffolder(JANE, "spacelift-io");
    for (path, writes, permission) in [
        (STACKS.to_owned(), false, "spacelift.stack.read"),
        (format!("{STACKS}/a"), false, "spacelift.stack.read"),
        (run.clone(), false, "spacelift.run.read"),
        (format!("{run}/wait"), false, "spacelift.run.read"),
        (TRIGGER.to_owned(), true, "spacelift.run.trigger"),
        (format!("{run}/confirm"), true, "spacelift.run.confirm"),
        (format!("{run}/discard"), true, "spacelift.run.discard"),
    ] {
        portal.policy.allow_all();
        portal.policy.deny(JANE, permission);
        let (status, text) = if writes {
            portal.post(&token, &path, &json!({})).await
        } else {
            portal.get(&token, &path).await
        };
        assert_eq!(status, 403, "{path}: {text}");
        assert!(text.contains(permission), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_denied_reader_gets_no_304_either() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    portal.policy.deny(JANE, "spacelift.stack.read");
    let asked = portal
        .app
        .client
        .get(portal.app.url(STACKS))
        .bearer_auth(token_of(JANE));
    let answer = asked.header("if-none-match", "*").send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn services_are_not_asked_about_since_their_tokens_are_limited_otherwise() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake).await;
    assert_eq!(portal.get(STATIC_TOKEN, STACKS).await.0, 200);
    assert_eq!(portal.policy.questions(), []);
}

#[tokio::test]
async fn where_the_barrier_is_down_nobody_is_still_nobody() {
    let fake = FakeSpacelift::start().await;
    let open = "dangerouslyDisableDefaultAuthPolicy: true\n    ";
    let policy = FakePolicy::start().await;
    let portal = Portal::with(policy, open, &fake.section("timeout: 1s")).await;
    let answer = portal
        .app
        .client
        .get(portal.app.url(STACKS))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(portal.policy.questions(), []);
}

#[tokio::test]
async fn the_token_it_is_asked_with_is_the_plugins_for_the_user_and_ends_with_the_users() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake).await;
    let now = now();
    let token = Signer::fixture("user1").user(JANE, now + 600);
    assert_eq!(portal.get(&token, STACKS).await.0, 200);
    let claims = portal.policy.claims();
    assert_eq!(claims["sub"], "spacelift-io");
    assert_eq!(claims["aud"], "permission");
    assert_eq!(
        claims["exp"],
        now + 600,
        "the user's token ends before the hour is over"
    );
    portal.get(&token_of("user:default/ann"), STACKS).await;
    let claims = portal.policy.claims();
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
}

#[tokio::test]
async fn the_token_it_is_asked_with_opens_nothing_here_when_somebody_plays_it_back() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake).await;
    assert_eq!(portal.get(&token_of(JANE), STACKS).await.0, 200);
    let inside = portal.policy.claims()["obo"].as_str().unwrap().to_owned();
    for token in [portal.policy.token(), inside] {
        assert_eq!(portal.get(&token, STACKS).await.0, 401, "{token}");
    }
}

#[tokio::test]
async fn a_service_whose_limits_do_not_name_it_is_refused_here_and_nobody_is_asked() {
    const LIMITED: &str = "a-token-with-limits-of-its-own";
    let fake = FakeSpacelift::start().await;
    for enabled in [true, false] {
        let sections = fake.section("timeout: 1s");
        let portal = Portal::with(FakePolicy::start().await, "", &sections).await;
        let file = portal.app.folder.path().join("app-config.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let entry = format!(
            "externalAccess:\n      - {{ type: static, options: {{ token: {LIMITED}, subject: robot }}, accessRestrictions: \
             [{{ plugin: spacelift-io, permission: spacelift.stack.read, permissionAttribute: {{ action: update }} }}] }}\n"
        );
        let config = text
            .replacen("externalAccess:\n", &entry, 1)
            .replace("enabled: true", &format!("enabled: {enabled}"));
        let app = TestApp::start(&config).await;
        for request in [app.client.get(app.url(STACKS)), app.client.post(app.url(TRIGGER))] {
            let answer = request.bearer_auth(LIMITED).send().await.unwrap();
            assert_eq!(
                answer.status(),
                403,
                "{enabled}: the name fits the one, the action the other"
            );
        }
        assert_eq!(portal.policy.questions(), []);
    }
}

#[tokio::test]
async fn a_user_token_that_cannot_be_handed_on_says_what_it_lacks() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    let claims = user_claims(JANE, FAR);
    let token = Signer::fixture("user1").sign("vnd.backstage.user", &claims);
    let (status, text) = portal.get(&token, STACKS).await;
    assert_eq!(status, 501, "{text}");
    assert!(text.contains("uip"), "{text}");
}
