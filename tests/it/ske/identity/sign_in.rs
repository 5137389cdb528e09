//! Clusters that judge people by their own sign-in: the traps of the claim `tok`.

use serde_json::{Value, json};

use super::{Scene, account_entry, config_map, direct};
use crate::{
    ske::portal::post,
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes::Subject,
    },
};

const CONFIGURE: &str = "/api/ske/configure-resource";

fn in_an_hour() -> i64 {
    jiff::Timestamp::now().as_second() + 3600
}

#[tokio::test]
async fn the_users_own_token_is_what_the_cluster_judges() {
    let scene = Scene::new("own-token").await;
    let app = scene.oidc("{}").await;
    let name = format!("jane-of-{}", scene.namespace);
    scene.allow(&Subject::oidc_user(&name), &["get"]).await;
    let token = scene.user(&name, scene.provider_token(&name));
    let read = scene.read(&app, &token).await.ok();
    assert_eq!(read["manifest"]["data"]["of"], scene.namespace);
    scene.assert_judged_as(&format!("oidc:{name}"), 1).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_cluster_refuses_the_user_is_told_in_the_clusters_own_words() {
    let scene = Scene::new("denied").await;
    let app = scene.oidc("{}").await;
    let token = scene.user("joe", scene.provider_token("joe"));
    let sentence = |verb: &str| {
        format!(
            "configmaps \"mine\" is forbidden: User \"oidc:joe\" cannot {verb} resource \"configmaps\" in API group \"\" in \
             the namespace \"{}\"",
            scene.namespace
        )
    };
    assert_eq!(scene.read(&app, &token).await.refused(), (403, sentence("get")));
    let write = config_map(&scene.namespace, "mine", "x");
    let configured = post(&app, &token, CONFIGURE, &write).await;
    assert_eq!(configured.refused(), (403, sentence("get")));
    let named =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "namespace": scene.namespace });
    let deleted = post(&app, &token, "/api/ske/delete-resource", &named).await;
    assert_eq!(deleted.refused(), (403, sentence("delete")));
    scene.assert_judged_as("oidc:joe", 4).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_without_the_providers_token_is_told_which_one_is_missing() {
    let scene = Scene::new("no-tok").await;
    let app = scene.oidc("{}").await;
    let empty = [
        json!({}),
        json!({"tok": ""}),
        json!({"tok": null}),
        json!({"tok": 7}),
        json!({"tok": ["x"]}),
    ];
    for claims in empty {
        let token = scene.backstage.user("jane", claims.clone());
        let (status, message) = scene.read(&app, &token).await.refused();
        assert_eq!(status, 401, "{claims}");
        assert!(message.contains("claim 'tok'"), "{message}");
        assert!(message.contains("sign in to keycloak again"), "{message}");
    }
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_through_the_scaffolder_is_told_that_its_token_carries_no_sign_in() {
    let scene = Scene::new("scaffolder").await;
    let app = scene.oidc("{}").await;
    let token = scene.backstage.on_behalf_of("jane", "scaffolder");
    let (status, message) = scene.read(&app, &token).await.refused();
    assert_eq!(status, 401);
    for part in ["'plugin:scaffolder'", "keycloak", "stagedoor.ske.impersonation"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let write = config_map(&scene.namespace, "mine", "x");
    assert_eq!(post(&app, &token, CONFIGURE, &write).await.status, 401);
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_expired_provider_token_is_answered_without_a_call() {
    let scene = Scene::new("expired").await;
    let app = scene.oidc("{}").await;
    let ended = in_an_hour() - 3601;
    let token = scene.user("jane", scene.cluster.issuer().token_until("jane", &[], ended));
    let (status, message) = scene.read(&app, &token).await.refused();
    assert_eq!(status, 401);
    assert!(message.contains("sign in to keycloak again"), "{message}");
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_provider_token_the_cluster_does_not_accept_asks_for_a_new_sign_in_and_names_the_likely_cause() {
    let scene = Scene::new("refused").await;
    let app = scene.oidc("{}").await;
    let issuer = scene.cluster.issuer();
    let claims = |iss: &str, aud: &str| json!({ "iss": iss, "aud": aud, "preferred_username": "jane", "exp": in_an_hour() });
    let signed = issuer.token("jane", &[]);
    let foreign = [
        issuer.sign(&claims(issuer.url(), "another-client")),
        issuer.sign(&claims("https://elsewhere.example.com", "platform-cluster")),
        format!("{signed}x"),
        "opaque".to_owned(),
        "two\nlines".to_owned(),
        "grün".to_owned(),
    ];
    for tok in foreign {
        let (status, message) = scene.read(&app, &scene.user("jane", tok.clone())).await.refused();
        assert_eq!(status, 401, "{tok:?}: {message}");
        assert!(
            message.contains("sign in to keycloak again"),
            "{tok:?}: {message}"
        );
        assert!(message.contains("audience or issuer"), "{tok:?}: {message}");
        assert!(!message.contains(&signed));
    }
    let read: Vec<_> = scene
        .requests()
        .await
        .into_iter()
        .filter(|entry| entry.status < 400)
        .collect();
    assert!(read.is_empty(), "{read:#?}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_has_no_sign_in_of_its_own_is_refused_on_a_cluster_of_user_tokens() {
    let scene = Scene::new("services").await;
    let app = scene.oidc("{}").await;
    for token in [STATIC_TOKEN.to_owned(), scene.backstage.plugin("catalog")] {
        let (status, message) = scene.read(&app, &token).await.refused();
        assert_eq!(status, 403, "{message}");
        assert!(
            message.contains("stagedoor.ske.impersonation.services"),
            "{message}"
        );
    }
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn where_our_own_account_acts_the_providers_token_is_never_looked_at() {
    let scene = Scene::new("unread").await;
    let app = scene
        .own("{ allow: [{ group: '', kinds: [ConfigMap], access: read }] }")
        .await;
    let expired = scene.cluster.issuer().token_until("jane", &[], 1000);
    let deep = (0..100).fold(Value::Null, |inner, _| json!([inner]));
    let strange = [
        json!("rubbish"),
        json!(expired),
        json!(7),
        json!({"a": {"b": 1}}),
        json!("a.b.c"),
        json!("x\ny"),
        deep,
    ];
    let count = strange.len();
    for tok in strange {
        scene.read(&app, &scene.user("jane", tok)).await.ok();
    }
    scene.assert_judged_as(&scene.account.user(), count).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn our_own_token_being_refused_is_not_the_users_fault() {
    let scene = Scene::new("bad-account").await;
    let ours = "{ allow: [{ group: '', kinds: [ConfigMap], access: write }] }";
    let config = scene
        .backstage
        .app_config(&scene.cluster, &account_entry("refused-token"), ours);
    let app = TestApp::start(&direct(&config)).await;
    let user = scene.user("jane", scene.provider_token("jane"));
    for token in [user.as_str(), STATIC_TOKEN] {
        let (status, message) = scene.read(&app, token).await.refused();
        assert_eq!(status, 502, "{message}");
        assert!(
            message.contains("does not accept our own credential"),
            "{message}"
        );
        assert!(!message.contains("refused-token"), "{message}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn our_own_token_being_refused_beside_user_tokens_is_not_the_users_fault_either() {
    let scene = Scene::new("bad-beside").await;
    let entry = "authProvider: oidc\n          oidcTokenProvider: keycloak\n          serviceAccountToken: refused-token";
    let app = TestApp::start(&scene.backstage.app_config(&scene.cluster, entry, "{}")).await;
    let token = scene.user("jane", scene.provider_token("jane"));
    let (status, message) = scene.read(&app, &token).await.refused();
    assert_eq!(status, 502, "{message}");
    assert!(
        message.contains("does not accept our own credential"),
        "{message}"
    );
    app.stop().await.unwrap();
}
