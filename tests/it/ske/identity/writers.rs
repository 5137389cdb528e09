//! Who may write through `configure-resource`, which no form or policy of the portal guards.

use serde_json::json;

use super::{Scene, account_entry, config_map, write_callers};
use crate::{
    ske::portal::{Said, post},
    support::{
        app::{STATIC_TOKEN, TestApp},
        backstage::{Answer, FAR, Signer},
    },
};

const CONFIGURE: &str = "/api/ske/configure-resource";
const DELETE: &str = "/api/ske/delete-resource";
const WRITABLE: &str = "{ allow: [{ group: '', kinds: [ConfigMap], access: write }] }";

/// The configuration in which our account may write ConfigMaps, without a list of write callers.
fn config(scene: &Scene) -> String {
    scene
        .backstage
        .app_config(&scene.cluster, &account_entry(&scene.token), WRITABLE)
}

/// Adds entries to `backend.auth.externalAccess`.
fn with_external(config: &str, entries: &str) -> String {
    config.replacen("ske:\n", &format!("{entries}ske:\n"), 1)
}

fn restricted(token: &str, restrictions: &str) -> String {
    format!(
        "      - type: static\n        options: {{ token: {token}, subject: robot }}\n        accessRestrictions: {restrictions}\n"
    )
}

async fn configure(scene: &Scene, app: &TestApp, token: &str, name: &str) -> Said {
    post(app, token, CONFIGURE, &config_map(&scene.namespace, name, token)).await
}

async fn delete(scene: &Scene, app: &TestApp, token: &str, name: &str) -> Said {
    let named =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": scene.namespace });
    post(app, token, DELETE, &named).await
}

#[tokio::test]
async fn unless_the_list_says_otherwise_users_write_through_the_scaffolder_only() {
    let scene = Scene::new("default").await;
    let app = TestApp::start(&config(&scene)).await;
    let direct = scene.backstage.user("jane", json!({}));
    let (status, message) = configure(&scene, &app, &direct, "a").await.refused();
    assert_eq!(status, 403);
    assert!(
        message.contains("'direct' to stagedoor.actions.writeCallers"),
        "{message}"
    );
    for (token, way) in [
        (scene.backstage.on_behalf_of("jane", "mcp-actions"), "mcp-actions"),
        (scene.backstage.plugin("catalog"), "catalog"),
    ] {
        let (status, message) = configure(&scene, &app, &token, "a").await.refused();
        assert_eq!(status, 403);
        let expected = format!("'{way}'; add it to stagedoor.actions.writeCallers");
        assert!(message.contains(&expected), "{message}");
    }
    scene.assert_not_asked().await;
    let scaffolder = scene.backstage.on_behalf_of("jane", "scaffolder");
    configure(&scene, &app, &scaffolder, "a").await.ok();
    configure(&scene, &app, &scene.backstage.plugin("scaffolder"), "b")
        .await
        .ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_list_of_write_callers_is_all_that_counts() {
    let scene = Scene::new("listed").await;
    let callers = [
        scene.backstage.user("jane", json!({})),
        scene.backstage.on_behalf_of("jane", "scaffolder"),
        scene.backstage.on_behalf_of("jane", "mcp-actions"),
    ];
    for (listed, expected) in [
        ("[]", [403, 403, 403]),
        ("[direct]", [200, 403, 403]),
        ("[mcp-actions]", [403, 403, 200]),
        ("[scaffolder, direct, mcp-actions]", [200, 200, 200]),
    ] {
        let app = TestApp::start(&write_callers(&config(&scene), listed)).await;
        for (caller, expected) in callers.iter().zip(expected) {
            let said = configure(&scene, &app, caller, "a").await;
            assert_eq!(said.status, expected, "{listed}: {}", said.body);
        }
        configure(&scene, &app, STATIC_TOKEN, "a").await.ok();
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_the_stock_frontend_calls_is_open_to_users_who_come_directly() {
    let scene = Scene::new("stock").await;
    let app = TestApp::start(&write_callers(&config(&scene), "[]")).await;
    let direct = scene.backstage.user("jane", json!({}));
    scene.read(&app, &direct).await.ok();
    delete(&scene, &app, &direct, "mine").await.ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_static_token_may_do_what_its_access_restrictions_leave_it() {
    let scene = Scene::new("static").await;
    let entries = [
        (
            "token-that-may-read",
            "[{ plugin: ske, permission: ske.resource.read }]",
        ),
        (
            "token-that-may-create",
            "[{ plugin: ske, permission: [ske.resource.create] }]",
        ),
        (
            "token-that-may-update",
            "[{ plugin: ske, permissionAttribute: { action: update } }]",
        ),
        (
            "token-that-may-delete",
            "[{ plugin: ske, permissionAttribute: { action: [delete] } }]",
        ),
        ("token-for-the-catalog", "[{ plugin: catalog }]"),
        ("token-for-the-plugin", "[{ plugin: ske }]"),
    ];
    let entries: String = entries
        .iter()
        .map(|(token, limits)| restricted(token, limits))
        .collect();
    let app = TestApp::start(&with_external(&config(&scene), &entries)).await;
    // Reading, creating, updating and deleting.
    for (token, expected) in [
        ("token-that-may-read", [200, 403, 403, 403]),
        ("token-that-may-create", [403, 200, 403, 403]),
        ("token-that-may-update", [403, 403, 200, 403]),
        ("token-that-may-delete", [403, 403, 403, 200]),
        ("token-for-the-catalog", [403, 403, 403, 403]),
        ("token-for-the-plugin", [200, 200, 200, 200]),
        (STATIC_TOKEN, [200, 200, 200, 200]),
    ] {
        let (fresh, old) = (format!("{token}-makes"), format!("{token}-takes"));
        scene.write(&old).await;
        let seen = [
            scene.read(&app, token).await.status,
            configure(&scene, &app, token, &fresh).await.status,
            configure(&scene, &app, token, "mine").await.status,
            delete(&scene, &app, token, &old).await.status,
        ];
        assert_eq!(seen, expected, "{token}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_caller_of_another_identity_provider_may_do_what_its_access_restrictions_leave_it() {
    let scene = Scene::new("jwks").await;
    let signer = Signer::fixture("catalog");
    scene.backstage.fake.serve(
        "/idp/keys",
        Answer::Document(json!({ "keys": [signer.published()] })),
    );
    let token = |audience: &str| {
        let claims = json!({ "iss": "https://idp.example.com", "aud": audience, "sub": "robot", "iat": 1, "exp": FAR });
        signer.sign("JWT", &claims)
    };
    let entry = |audience: &str, permission: &str| {
        format!(
            "      - type: jwks\n        options: {{ url: '{}/idp/keys', issuer: 'https://idp.example.com', algorithm: ES256, \
             audience: {audience} }}\n        accessRestrictions: [{{ plugin: ske, permission: [{permission}] }}]\n",
            scene.backstage.fake.origin
        )
    };
    let entries =
        entry("readers", "ske.resource.read") + &entry("writers", "ske.resource.create, ske.resource.update");
    let app = TestApp::start(&with_external(&config(&scene), &entries)).await;
    for (audience, expected) in [("readers", [200, 403]), ("writers", [403, 200])] {
        let token = token(audience);
        let read = scene.read(&app, &token).await;
        let written = configure(&scene, &app, &token, "mine").await;
        assert_eq!(
            [read.status, written.status],
            expected,
            "{audience}: {} {}",
            read.body,
            written.body
        );
    }
    app.stop().await.unwrap();
}
