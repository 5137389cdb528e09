//! Who may write in hybrid is what the cluster says of the very verb, asked as the user before anything is committed.

use serde_json::json;

use super::{As, Pair, direct, document};
use crate::{
    ske::{
        place::CONFIGURE,
        portal::{manifest, post},
    },
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes::{Rule, audit::Entry},
        log::Remembered,
    },
};

const JUDGED: [As; 2] = [As::Oidc, As::Impersonated];

/// A repository with `there`, and nothing on the cluster.
async fn with_one(name: &str) -> Pair {
    Pair::holding(name, |kind, namespace| {
        vec![("requests/there.yaml", document(kind, namespace, "there"))]
    })
    .await
}

/// A portal in which users write directly, which is how a sign-in token arrives.
async fn portal(pair: &Pair, acting: As) -> TestApp {
    TestApp::start(&direct(&pair.config(acting, "").await)).await
}

#[tokio::test]
async fn each_verb_needs_its_own_right_and_the_repository_says_which_verb_it_is() {
    for acting in JUDGED {
        let pair = with_one("verbs").await;
        let app = portal(&pair, acting).await;
        // On the cluster it is the other way round: what the repository has is not there.
        for (verb, verbs, expected) in [
            ("get", &["get"][..], [403, 403, 403]),
            ("create", &["create", "get"], [200, 403, 403]),
            ("update", &["update"], [403, 200, 403]),
            ("delete", &["delete"], [403, 403, 200]),
        ] {
            let name = format!("{verb}-{}", pair.namespace);
            pair.allow(&Pair::subject(acting, &name), verbs).await;
            let token = pair.user(acting, &name);
            let before = pair.commits().len();
            let said = [
                pair.write(&app, &token, "new").await,
                pair.write(&app, &token, "there").await,
                pair.delete(&app, &token, "there").await,
            ];
            let statuses = [0, 1, 2].map(|at: usize| said[at].status);
            assert_eq!(statuses, expected, "{acting:?} {verb}: {said:?}");
            let made = expected.iter().filter(|status| **status == 200).count();
            assert_eq!(pair.commits().len(), before + made, "{acting:?} {verb}");
            if verb == "create" {
                pair.remote.git(&["update-ref", "refs/heads/main", "main~1"]);
            }
        }
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_the_platform_has_from_elsewhere_takes_the_right_to_update_it_too() {
    for acting in JUDGED {
        let pair = with_one("elsewhere").await;
        let app = portal(&pair, acting).await;
        pair.create("new").await;
        for (number, verbs, expected) in [
            (1, &["create", "get"][..], 403),
            (2, &["create"], 403),
            (3, &["create", "update"], 200),
        ] {
            let name = format!("elsewhere-{number}-{}", pair.namespace);
            pair.allow(&Pair::subject(acting, &name), verbs).await;
            let said = pair.write(&app, &pair.user(acting, &name), "new").await;
            assert_eq!(said.status, expected, "{acting:?} {verbs:?}: {said:?}");
            if expected == 403 {
                assert!(said.refused().1.contains("let you update"));
            }
        }
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn only_what_promises_offer_is_written_whatever_a_person_may() {
    let pair = Pair::new("giving").await;
    let name = format!("giving-{}", pair.namespace);
    let who = Pair::subject(As::Impersonated, &name);
    pair.cluster
        .allow(&who, &Rule::on("*", &["*"]).within(&pair.namespace))
        .await;
    let object = |api_version: &str, kind: &str| {
        json!({ "manifest": {
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "mine", "namespace": pair.namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
    } })
    };
    let token = pair.user(As::Impersonated, &name);
    let closed = pair.portal(As::Impersonated, "").await;
    for (api_version, kind) in [
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("v1", "ConfigMap"),
        ("platform.kratix.io/v1alpha1", "Promise"),
    ] {
        let said = post(&closed, &token, CONFIGURE, &object(api_version, kind)).await;
        let (status, message) = said.refused();
        assert!(
            status == 403 && message.contains("no Promise offers it"),
            "{kind}: {status} {message}"
        );
    }
    assert_eq!(pair.commits().len(), 1);
    pair.write(&closed, &token, "mine").await.ok();
    closed.stop().await.unwrap();
}

#[tokio::test]
async fn without_an_account_of_ours_who_may_list_promises_is_let_on() {
    let pair = Pair::new("asking").await;
    let config = direct(&pair.config(As::Oidc, "").await);
    let without = config
        .lines()
        .filter(|line| !line.contains("serviceAccountToken"));
    let app = TestApp::start(&(without.collect::<Vec<_>>().join("\n") + "\n")).await;
    let name = format!("asking-{}", pair.namespace);
    pair.allow(&Pair::subject(As::Oidc, &name), &["create", "get"])
        .await;
    let token = pair.user(As::Oidc, &name);
    let (status, message) = pair.write(&app, &token, "mine").await.refused();
    assert!(
        status == 403 && message.contains("serviceAccountToken") && message.contains("stagedoor.ske.allow"),
        "{status} {message}"
    );
    let lists = Rule::on("platform.kratix.io", &["promises"]).verbs(&["list"]);
    pair.cluster.allow(&Pair::subject(As::Oidc, &name), &lists).await;
    pair.write(&app, &token, "mine").await.ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn who_is_denied_reads_which_right_is_missing_and_nothing_is_committed() {
    for acting in JUDGED {
        let pair = with_one("denied").await;
        let app = portal(&pair, acting).await;
        let token = pair.user(acting, "nobody");
        for (said, verb) in [
            (pair.write(&app, &token, "new").await, "create"),
            (pair.write(&app, &token, "there").await, "update"),
            (pair.delete(&app, &token, "there").await, "delete"),
        ] {
            let (status, message) = said.refused();
            assert_eq!(status, 403, "{message}");
            assert!(
                message.contains(verb) && message.contains("Database"),
                "{message}"
            );
        }
        assert_eq!(pair.commits().len(), 2);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_right_to_one_namespace_or_one_name_is_none_to_another() {
    for acting in JUDGED {
        let pair = Pair::holding("narrow", |kind, namespace| {
            vec![
                ("requests/there.yaml", document(kind, namespace, "there")),
                ("requests/other.yaml", document(kind, namespace, "other")),
                ("requests/elsewhere.yaml", document(kind, "elsewhere", "there")),
            ]
        })
        .await;
        let app = portal(&pair, acting).await;
        let name = format!("narrow-{}", pair.namespace);
        let rule = Rule::on(&pair.kind.group, &[&pair.kind.plural]).verbs(&["update"]);
        let rule = rule.named(&["there"]).within(&pair.namespace);
        pair.cluster.allow(&Pair::subject(acting, &name), &rule).await;
        let token = pair.user(acting, &name);
        assert_eq!(pair.write(&app, &token, "other").await.refused().0, 403);
        let elsewhere = manifest(&pair.kind, "elsewhere", "there", json!({ "size": "large" }));
        assert_eq!(post(&app, &token, CONFIGURE, &elsewhere).await.refused().0, 403);
        assert_eq!(pair.commits().len(), 2);
        pair.write(&app, &token, "there").await.ok();
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_cluster_is_asked_as_the_user_and_never_as_the_account() {
    for acting in JUDGED {
        let pair = with_one("as-whom").await;
        let app = portal(&pair, acting).await;
        let name = format!("jane-{}", pair.namespace);
        let subject = Pair::subject(acting, &name);
        pair.allow(&subject, &["update"]).await;
        pair.write(&app, &pair.user(acting, &name), "there").await.ok();
        let judged = match acting {
            As::Impersonated => format!("backstage:default/{name}"),
            _ => format!("oidc:{name}"),
        };
        let reviews = |entries: &[Entry]| {
            let review = |entry: &&Entry| entry.object["resource"] == "selfsubjectaccessreviews";
            entries
                .iter()
                .filter(review)
                .map(|entry| entry.judged_as().to_owned())
                .collect::<Vec<_>>()
        };
        let entries = pair
            .cluster
            .audit()
            .settled(&name, |entries| !reviews(entries).is_empty())
            .await;
        assert_eq!(reviews(&entries), [judged], "{entries:#?}");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_service_or_a_template_without_a_sign_in_is_told_what_is_missing_and_nothing_is_committed() {
    let pair = with_one("no-user").await;
    let app = portal(&pair, As::Oidc).await;
    let through = pair.backstage.on_behalf_of("jane", "scaffolder");
    let expired = pair.cluster.issuer().token_until("jane", &[], 1_000_000_000);
    let expired = pair.backstage.user("jane", json!({ "tok": expired }));
    for (token, status) in [(through.as_str(), 401), (&expired, 401), (STATIC_TOKEN, 403)] {
        let said = pair.write(&app, token, "there").await.refused();
        assert_eq!(said.0, status, "{said:?}");
    }
    app.stop().await.unwrap();
    let app = portal(&pair, As::Impersonated).await;
    assert_eq!(pair.write(&app, STATIC_TOKEN, "there").await.refused().0, 403);
    assert_eq!(pair.delete(&app, STATIC_TOKEN, "there").await.refused().0, 403);
    assert_eq!(pair.commits().len(), 2);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_bare_account_only_what_promises_offer_is_written() {
    let pair = with_one("bare").await;
    let app = pair.portal(As::Account, "").await;
    for (api_version, kind) in [
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("apps/v1", "Deployment"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("platform.kratix.io/v1alpha1", "Promise"),
    ] {
        let object = json!({ "apiVersion": api_version, "kind": kind, "metadata": {
            "name": "mine", "namespace": pair.namespace,
        }});
        let said = post(&app, STATIC_TOKEN, CONFIGURE, &json!({ "manifest": object })).await;
        let (status, message) = said.refused();
        assert!(
            status == 403 && message.contains("stagedoor.ske.allow"),
            "{kind}: {status} {message}"
        );
    }
    assert_eq!(pair.commits().len(), 2);
    pair.write(&app, STATIC_TOKEN, "there").await.ok();
    app.stop().await.unwrap();
    let app = pair
        .portal(
            As::Account,
            "allow: [{ group: core, kinds: [ConfigMap], access: write }]",
        )
        .await;
    let (status, message) = pair.write(&app, STATIC_TOKEN, "there").await.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.allow has no rule"),
        "{message}"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn that_nobody_judges_the_user_is_said_once_at_the_start() {
    for (acting, expected) in [(As::Account, 1), (As::Oidc, 0), (As::Impersonated, 0)] {
        let pair = with_one("said").await;
        let (log, _listening) = Remembered::listen();
        let app = pair.portal(acting, "").await;
        pair.read(&app, STATIC_TOKEN, "there").await;
        app.stop().await.unwrap();
        let log = log.text();
        let said = log
            .lines()
            .filter(|line| line.contains("hybrid") && line.contains("stagedoor.ske.allow"));
        assert_eq!(said.count(), expected, "{acting:?}");
    }
}

#[tokio::test]
async fn a_list_restricts_also_whom_the_cluster_would_let() {
    let pair = with_one("listed").await;
    let config = pair
        .config(
            As::Impersonated,
            "allow: [{ group: core, kinds: [ConfigMap], access: write }]",
        )
        .await;
    let app = TestApp::start(&config).await;
    let name = format!("jane-{}", pair.namespace);
    pair.allow(&Pair::subject(As::Impersonated, &name), &["update"])
        .await;
    let said = pair
        .write(&app, &pair.user(As::Impersonated, &name), "there")
        .await;
    let (status, message) = said.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.allow has no rule"),
        "{message}"
    );
    assert_eq!(pair.commits().len(), 2);
    app.stop().await.unwrap();
}
