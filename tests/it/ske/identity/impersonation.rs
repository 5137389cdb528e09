//! Users our account speaks for: who they become, and that nobody is ever judged as the account instead.

use serde_json::json;

use super::{IMPERSONATION, Scene, config_map, impersonated};
use crate::{
    ske::portal::post,
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes::Subject,
    },
};

const CONFIGURE: &str = "/api/ske/configure-resource";

#[tokio::test]
async fn a_user_is_judged_under_the_name_the_template_makes_by_the_account_that_was_configured() {
    let scene = Scene::with_impersonation("name").await;
    let app = scene.own(IMPERSONATION).await;
    let jane = impersonated(&scene.namespace);
    scene.allow(&Subject::User(jane.clone()), &["get"]).await;
    scene
        .read(&app, &scene.backstage.user(&scene.namespace, json!({})))
        .await
        .ok();
    let through = scene.backstage.on_behalf_of(&scene.namespace, "scaffolder");
    scene.read(&app, &through).await.ok();
    for request in scene.requests().await {
        assert_eq!(request.user, scene.account.user());
        assert_eq!(request.impersonated_user.as_ref(), Some(&jane));
    }
    scene.assert_judged_as(&jane, 2).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_account_may_do_the_user_may_not() {
    let scene = Scene::with_impersonation("rights").await;
    let app = scene.own(IMPERSONATION).await;
    let (joe, namespace) = (impersonated("joe"), &scene.namespace);
    let said = |verb: &str| {
        format!(
            "configmaps \"mine\" is forbidden: User \"{joe}\" cannot {verb} resource \"configmaps\" in API group \"\" in the \
             namespace \"{namespace}\""
        )
    };
    let direct = scene.backstage.user("joe", json!({}));
    for token in [direct, scene.backstage.on_behalf_of("joe", "scaffolder")] {
        assert_eq!(scene.read(&app, &token).await.refused(), (403, said("get")));
        let write = config_map(namespace, "mine", "x");
        assert_eq!(
            post(&app, &token, CONFIGURE, &write).await.refused(),
            (403, said("get"))
        );
        let named =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "namespace": namespace });
        let deleted = post(&app, &token, "/api/ske/delete-resource", &named).await;
        assert_eq!(deleted.refused(), (403, said("delete")));
    }
    scene.assert_judged_as(&joe, 8).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_account_that_may_not_speak_for_users_does_nothing_for_them_either() {
    // May do anything with the objects itself, but impersonate nobody.
    let scene = Scene::new("no-right").await;
    let app = scene.own(IMPERSONATION).await;
    let token = scene.backstage.user("jane", json!({}));
    let (status, message) = scene.read(&app, &token).await.refused();
    assert_eq!(status, 403);
    assert!(
        message.contains(&format!("User \"{}\" cannot impersonate", scene.account.user())),
        "{message}"
    );
    let written = post(
        &app,
        &token,
        CONFIGURE,
        &config_map(&scene.namespace, "other", "x"),
    )
    .await;
    assert_eq!(written.status, 403);
    let requests = scene.requests().await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(
            request.status, 403,
            "refused before anything was judged: {request:?}"
        );
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_subject_that_is_no_full_reference_to_a_user_is_nobody() {
    let scene = Scene::with_impersonation("subject").await;
    let app = scene.own(IMPERSONATION).await;
    let subjects = [
        "jane",
        "user:jane",
        "default/jane",
        "user:default/",
        "user:default/jane/x",
        "user:default/jane:x",
        "system:masters",
        "user:x:default/jane",
        "user:default/jane doe",
        "user:default/jané",
        "user:default/jane\n",
        " user:default/jane",
        "user:default/system:admin",
        "group:default/jane",
        "user:de.fault/jane",
        "user:../default/jane",
        "user:default/{name}",
        "user:default/jane\r\nImpersonate-Group: system:masters",
    ];
    // Nothing is looked up for them either.
    let asking = scene
        .own("{ impersonation: { usernameFrom: 'annotation:example.com/login', groupsFrom: ownership } }")
        .await;
    let looked_up = scene.backstage.fake.all_fetches();
    for subject in subjects {
        let token = scene.backstage.user("x", json!({ "sub": subject }));
        // An annotation tells kinds apart, so there a group is as good a name as any.
        let apps = if subject.starts_with("group:") {
            vec![&app]
        } else {
            vec![&app, &asking]
        };
        for app in apps {
            let (status, message) = scene.read(app, &token).await.refused();
            assert_eq!(status, 403, "{subject:?}: {message}");
        }
    }
    let keys = scene.backstage.fake.all_fetches() - looked_up;
    assert!(
        keys <= 2,
        "only the keys of the tokens were fetched, once for each service: {keys}"
    );
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
    asking.stop().await.unwrap();
}

#[tokio::test]
async fn no_name_made_of_a_user_begins_with_system() {
    let scene = Scene::with_impersonation("system").await;
    let app = scene
        .own("{ impersonation: { user: '{kind}:{namespace}/{name}', groups: ['{kind}:of'] } }")
        .await;
    for subject in ["system:default/jane", "System:default/jane", "SYSTEM:masters/x"] {
        let token = scene.backstage.user("x", json!({ "sub": subject }));
        let (status, message) = scene.read(&app, &token).await.refused();
        assert_eq!(status, 403, "{subject}");
        assert!(message.contains("reserved for Kubernetes itself"), "{message}");
    }
    scene.assert_not_asked().await;
    let almost = scene
        .backstage
        .user("x", json!({ "sub": "systems:default/jane" }));
    scene
        .allow(&Subject::User("systems:default/jane".to_owned()), &["get"])
        .await;
    scene.read(&app, &almost).await.ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_template_that_would_mix_up_users_or_name_kubernetes_own_is_refused_at_the_start() {
    let scene = Scene::new("templates").await;
    let sections = [
        ("{ user: 'x:{name}' }", "{namespace}"),
        ("{ user: 'x:{namespace}' }", "{name}"),
        ("{ user: '{namespace}-{name}' }", "same name"),
        ("{ user: 'system:{namespace}/{name}' }", "system:"),
        (
            "{ user: '{namespace}/{name}', groups: ['system:masters'] }",
            "groups[0]",
        ),
        (
            "{ user: '{namespace}/{name}', services: { tests: 'system:admin' } }",
            "services.tests",
        ),
        (
            "{ user: '{namespace}/{name}', usernameFrom: email }",
            "usernameFrom",
        ),
        ("{ groups: ['x'] }", "impersonation.user"),
    ];
    for (section, part) in sections {
        let ours = format!("{{ impersonation: {section} }}");
        let config = scene
            .backstage
            .app_config(&scene.cluster, &super::account_entry(&scene.token), &ours);
        let problems = TestApp::refused(&config, stagedoor::plugins::register).await;
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{section}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn every_user_gets_the_groups_of_the_templates() {
    let scene = Scene::with_impersonation("groups").await;
    let group = format!("{}:default", scene.namespace);
    scene.allow(&Subject::Group(group), &["get"]).await;
    let templates = format!(
        "{{ impersonation: {{ user: 'b:{{namespace}}/{{name}}', groups: [portal, '{}:{{namespace}}'] }} }}",
        scene.namespace
    );
    let app = scene.own(&templates).await;
    scene
        .read(&app, &scene.backstage.user("jane", json!({})))
        .await
        .ok();
    scene
        .read(&app, &scene.backstage.on_behalf_of("joe", "scaffolder"))
        .await
        .ok();
    let elsewhere = scene.backstage.user("x", json!({ "sub": "user:other/jane" }));
    assert_eq!(scene.read(&app, &elsewhere).await.status, 403);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_comes_directly_or_through_a_plugin_in_the_list_of_actors() {
    let scene = Scene::with_impersonation("actors").await;
    scene.allow(&Subject::User(impersonated("jane")), &["get"]).await;
    let direct = scene.backstage.user("jane", json!({}));
    let [scaffolder, mcp] = ["scaffolder", "mcp-actions"].map(|id| scene.backstage.on_behalf_of("jane", id));
    for (actors, expected) in [
        ("", [200, 200, 403]),
        (", actors: []", [200, 403, 403]),
        (", actors: [mcp-actions]", [200, 403, 200]),
    ] {
        let app = scene
            .own(&format!(
                "{{ impersonation: {{ user: 'backstage:{{namespace}}/{{name}}'{actors} }} }}"
            ))
            .await;
        for (token, expected) in [&direct, &scaffolder, &mcp].into_iter().zip(expected) {
            let said = scene.read(&app, token).await;
            assert_eq!(said.status, expected, "{actors}: {}", said.body);
            if expected == 403 {
                assert!(said.refused().1.contains("stagedoor.ske.impersonation.actors"));
            }
        }
        app.stop().await.unwrap();
    }
    scene.assert_judged_as(&impersonated("jane"), 5).await;
}

#[tokio::test]
async fn a_service_is_refused_unless_the_list_of_services_names_its_subject() {
    let scene = Scene::with_impersonation("services").await;
    let [mapped, robot] = ["robots:catalog", "robots:ci"].map(|user| format!("{user}-{}", scene.namespace));
    for user in [&mapped, &robot] {
        scene.allow(&Subject::User(user.clone()), &["get"]).await;
    }
    let [catalog, scaffolder] = ["catalog", "scaffolder"].map(|id| scene.backstage.plugin(id));
    let without = scene.own(IMPERSONATION).await;
    for (token, subject) in [
        (STATIC_TOKEN, "tests"),
        (&catalog, "plugin:catalog"),
        (&scaffolder, "plugin:scaffolder"),
    ] {
        let (status, message) = scene.read(&without, token).await.refused();
        assert_eq!(status, 403);
        let key = "stagedoor.ske.impersonation.services";
        let what = format!("add '{subject}' there");
        assert!(message.contains(key) && message.ends_with(&what), "{message}");
    }
    scene.assert_not_asked().await;
    without.stop().await.unwrap();

    let services = format!("services: {{ 'plugin:catalog': '{mapped}', tests: '{robot}' }}");
    let app = scene
        .own(&format!(
            "{{ impersonation: {{ user: 'b:{{namespace}}/{{name}}', {services} }} }}"
        ))
        .await;
    scene.read(&app, &catalog).await.ok();
    scene.assert_judged_as(&mapped, 1).await;
    scene.read(&app, STATIC_TOKEN).await.ok();
    assert_eq!(scene.requests().await[1].judged_as(), robot);
    assert_eq!(scene.read(&app, &scaffolder).await.status, 403);
    assert_eq!(scene.requests().await.len(), 2);
    app.stop().await.unwrap();
}
