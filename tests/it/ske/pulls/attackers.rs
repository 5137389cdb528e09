//! Credentials go nowhere they don't belong, and nothing is written where it does not: one attack for each rule.

use serde_json::json;

use super::portal::{BOTH, BRANCH, FILE, Portal, manifest, order, order_with, publication_with};
use crate::{
    ske::gitops::place::{holding, promise},
    support::{
        app::TestApp,
        code_host::{FakeCodeHost, Kind, TOKEN, world::World},
    },
};

const CALLERS: &str = "canary-callers-own-token";

#[tokio::test]
async fn a_repository_that_is_not_listed_is_never_asked_for() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.host.hold("evil/requests", World::with(&[("a", "a")]));
        for url in [
            "code.example.com?owner=evil&repo=requests",
            "code.example.com?owner=acme&repo=other",
            "https://code.example.com/evil/requests",
            "evil.test?owner=acme&repo=requests",
            "https://evil.test/acme/requests",
            "code.example.com.evil.test?owner=acme&repo=requests",
            "code.example.com:8443?owner=acme&repo=requests",
        ] {
            for said in [
                portal.ask(&order_with("repoUrl", json!(url))).await,
                portal.publish(&publication_with("repoUrl", json!(url))).await,
            ] {
                let (status, message) = said.refused();
                assert!(
                    status == 403 && message.contains("stagedoor.ske.repositories"),
                    "{url}: {message}"
                );
            }
        }
        assert!(portal.host.calls().is_empty());
    }
}

#[tokio::test]
async fn an_address_that_two_readers_could_read_differently_is_refused_and_not_repeated() {
    let portal = Portal::start(Kind::GitHub).await;
    for url in [
        "https://canary:secret@code.example.com/acme/requests",
        "https://canary@code.example.com/acme/requests",
        "http://code.example.com/acme/requests",
        "https://code.example.com\\@evil.test/acme/requests",
        "https://code.example.com/acme/requests?canary",
        "https://code.example.com/acme/requests#canary",
        "https://code.example.com/acme/../evil/requests",
        "https://code.example.com/acme/%2e%2e/requests",
        "canary@code.example.com?owner=acme&repo=requests",
        "code.example.com?owner=acme&owner=evil&repo=requests",
        "code.example.com?owner=acme%2F..&repo=requests",
        "ssh://git@code.example.com/acme/requests",
    ] {
        for said in [
            portal.ask(&order_with("repoUrl", json!(url))).await,
            portal.publish(&publication_with("repoUrl", json!(url))).await,
        ] {
            let (status, message) = said.refused();
            assert!(
                status == 400 && !message.contains("canary"),
                "{url}: {status} {message}"
            );
        }
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_either_credential() {
    for kind in BOTH {
        let (portal, elsewhere) = (Portal::start(kind).await, FakeCodeHost::start(kind).await);
        let root = match kind {
            Kind::GitHub => "GET /repos/acme/requests",
            Kind::GitLab => "GET /api/v4/projects/acme%2Frequests",
        };
        for status in [301, 302, 307, 308] {
            for token in [None, Some(CALLERS)] {
                let location = format!("{}/repos/acme/requests", elsewhere.url());
                let body = json!({ "message": "Moved Permanently" });
                let moved =
                    crate::support::code_host::Planted::Raw(status, vec![("location", location)], body);
                portal.host.plant(root, &[moved]);
                let said = match token {
                    None => portal.ask(&order("small")).await,
                    Some(token) => portal.publish(&publication_with("token", json!(token))).await,
                };
                let (answer, message) = said.refused();
                assert!(
                    answer == 502 && message.contains("redirects"),
                    "{answer} {message}"
                );
            }
        }
        assert!(elsewhere.calls().is_empty());
    }
}

#[tokio::test]
async fn an_entry_for_a_host_that_would_be_reached_in_the_open_does_not_start() {
    for (address, key) in [
        ("apiBaseUrl: 'http://code.example.com/api'", "apiBaseUrl"),
        ("apiBaseUrl: 'https://canary@code.example.com/api'", "apiBaseUrl"),
    ] {
        let config = format!(
            "backend:\n  baseUrl: http://localhost:7007\nske: {{ mode: gitops, scm: {{ repoUrl: 'http://127.0.0.1:1/a.git' }} \
             }}\nintegrations:\n  github:\n    - {{ host: code.example.com, token: canary-token, {address} }}\n\
             stagedoor:\n  ske:\n    repositories: [{{ host: code.example.com, owner: acme, repo: requests }}]\n"
        );
        let problems = TestApp::refused(&config, stagedoor::plugins::register)
            .await
            .join(" ");
        assert!(
            problems.contains(&format!("integrations.github[0].{key}")),
            "{problems}"
        );
        assert!(!problems.contains("canary"), "{problems}");
    }
}

#[tokio::test]
async fn an_app_is_not_used_for_an_owner_it_is_not_allowed_for() {
    use crate::support::github::{APP_ID, KEYS};
    let host = FakeCodeHost::start(Kind::GitHub).await;
    host.hold("acme/requests", World::with(&[("a", "a")]));
    let key = serde_json::to_string(&KEYS[0].serialize_pem()).unwrap();
    let app = format!("apps: [{{ appId: {APP_ID}, privateKey: {key}, allowedInstallationOwners: [other] }}]");
    let ours = "repositories: [{ host: code.example.com, owner: acme, repo: requests }]";
    let portal = Portal::before(host, &app, ours).await;
    let (status, message) = portal.ask(&order("small")).await.refused();
    assert!(
        status == 502 && message.contains("allowedInstallationOwners"),
        "{status} {message}"
    );
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn a_callers_own_token_goes_to_the_listed_repositorys_host_alone_and_instead_of_ours() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", branch: main", "").await;
        let mut wanted = publication_with("token", json!(CALLERS));
        wanted["branchName"] = json!("main");
        let (status, message) = portal.publish(&wanted).await.refused();
        assert_eq!(
            status, 403,
            "the host does not know it, and ours is not used in its place: {message}"
        );
        assert!(!message.contains("canary"), "{message}");
        portal.host.take(CALLERS);
        portal.publish(&wanted).await.ok();
        wanted["repoUrl"] = json!("https://evil.test/acme/requests");
        assert_eq!(portal.publish(&wanted).await.refused().0, 403);
    }
}

#[tokio::test]
async fn a_catalog_file_leads_nowhere_it_should_not() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", branch: main, path: components", "").await;
        for path in [
            "../a.yaml",
            "components/../a.yaml",
            "/components/a.yaml",
            "components//a.yaml",
            "components/.git/config",
            ".github/workflows/a.yml",
            ".GITHUB/workflows/a.yml",
            ".gitlab-ci.yml",
            "components\\a.yaml",
            "components/a\u{0}.yaml",
        ] {
            let mut wanted = publication_with("targetPath", json!(path));
            wanted["branchName"] = json!("main");
            assert_eq!(portal.publish(&wanted).await.refused().0, 400, "{path:?}");
        }
        let mut outside = publication_with("targetPath", json!("elsewhere/a.yaml"));
        outside["branchName"] = json!("main");
        let (status, message) = portal.publish(&outside).await.refused();
        assert!(
            status == 403 && message.contains("stagedoor.ske.repositories"),
            "{message}"
        );
        assert!(portal.host.calls().is_empty());
    }
}

#[tokio::test]
async fn a_symlink_or_submodule_on_the_way_is_not_written_through() {
    for kind in BOTH {
        for (mode, named) in [
            ("120000", "a symlink"),
            ("160000", "a submodule"),
            ("100644", "a file"),
        ] {
            for at in [
                "kratix-requests",
                "kratix-requests/redis",
                "kratix-requests/redis/team",
            ] {
                let portal = Portal::start(kind).await;
                portal.world(|world| world.plant("main", at, mode));
                let (status, message) = portal.ask(&order("small")).await.refused();
                assert!(
                    status == 409 && message.contains(named) && message.contains(at),
                    "{at}: {message}"
                );
                assert_eq!(portal.writes(), 0);
            }
        }
        let portal = Portal::start(kind).await;
        portal.world(|world| world.plant("main", FILE, "120000"));
        let (status, message) = portal.ask(&order("small")).await.refused();
        assert!(status == 409 && message.contains("a symlink"), "{message}");
    }
}

#[tokio::test]
async fn the_default_branch_is_never_a_pull_requests_own() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.world(|world| {
            let tip = world.branches["main"].clone();
            world.branches.insert(BRANCH.to_owned(), tip);
            world.default_branch = BRANCH.to_owned();
        });
        let (status, message) = portal
            .ask(&order_with("targetBranch", json!("main")))
            .await
            .refused();
        assert!(status == 403 && message.contains("default branch"), "{message}");
        let (status, message) = portal
            .publish(&publication_with("branchName", json!(BRANCH)))
            .await
            .refused();
        assert!(status == 403 && message.contains("default branch"), "{message}");
        assert_eq!(portal.writes(), 0);
    }
}

#[tokio::test]
async fn a_pull_requests_own_branch_is_no_target() {
    let portal = Portal::start(Kind::GitHub).await;
    let (status, message) = portal
        .ask(&order_with("targetBranch", json!(BRANCH)))
        .await
        .refused();
    assert!(status == 400 && message.contains("itself"), "{message}");
}

#[tokio::test]
async fn names_that_would_lead_to_another_branch_or_file_are_refused() {
    let portal = Portal::start(Kind::GitHub).await;
    for promise in ["..", "a/b", "a..b", "A", "", "x y", "a\nb", "redis.lock"] {
        let (status, _) = portal
            .ask(&order_with("promiseName", json!(promise)))
            .await
            .refused();
        assert_eq!(status, 400, "{promise:?}");
    }
    for name in ["..", "a/b", "Mine", "mine.lock", "a b"] {
        let (status, _) = portal
            .ask(&order_with("manifest", manifest(name, "small")))
            .await
            .refused();
        assert_eq!(status, 400, "{name:?}");
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn what_may_not_be_touched_is_not_proposed_either() {
    let object = |api_version: &str, kind: &str| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "mine", "namespace": "team" } });
    let portal = Portal::with(Kind::GitHub, "", ", allow: null").await;
    for (api_version, kind) in [
        ("v1", "Secret"),
        ("v1", "ConfigMap"),
        ("apps/v1", "Deployment"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("platform.kratix.io/v1alpha1", "Promise"),
        ("argoproj.io/v1alpha1", "Application"),
    ] {
        for action in ["Request", "Delete"] {
            let mut order = order_with("manifest", object(api_version, kind));
            order["action"] = json!(action);
            let (status, message) = portal.ask(&order).await.refused();
            assert!(
                status == 403 && message.contains("stagedoor.ske."),
                "{kind}: {status} {message}"
            );
        }
    }
    let listed = json!({ "apiVersion": "example.org/v1", "kind": "RedisList", "metadata": { "name": "mine" },
        "items": [object("v1", "Secret")] });
    assert_eq!(portal.ask(&order_with("manifest", listed)).await.refused().0, 400);
    assert!(portal.host.calls().is_empty());
    let only = ", allow: [{ group: other.org, kinds: ['*'], access: write }]";
    let portal = Portal::with(Kind::GitHub, "", only).await;
    let (status, message) = portal.ask(&order("small")).await.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.allow"),
        "{message}"
    );
}

#[tokio::test]
async fn only_kinds_that_promises_offer_are_proposed() {
    let database = promise("redis", "example.org", "Redis");
    let workshop = holding(&[("requests/p.yaml", &database)]).await;
    let portal = Portal::beside(&workshop.server).await;
    for (group, status) in [("example.org", 200), ("kyverno.io", 403), ("helm.cattle.io", 403)] {
        for action in ["Request", "Update", "Delete"] {
            let mut order = order_with("action", json!(action));
            order["manifest"]["apiVersion"] = format!("{group}/v1").into();
            let said = portal.ask(&order).await;
            assert_eq!(said.status, status, "{group} {action}: {}", said.body);
            let message = said.body["message"].as_str().unwrap_or_default();
            assert!(status == 200 || message.contains("no Promise"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_catalog_file_hides_no_object_of_the_platform() {
    let portal = Portal::with(Kind::GitHub, ", branch: main", ", allow: null").await;
    let entity = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: shop}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
    for (content, status) in [
        (format!("{entity}---\n{secret}"), 403),
        (
            secret
                .replace("v1", "notbackstage.io/v1")
                .replace("Secret", "X")
                .replace("notbackstage.io", "apps"),
            403,
        ),
        (entity.replace("backstage.io", "x.backstage.io"), 403),
        (entity.replace("backstage.io/v1alpha1", "skaffold/v4beta11"), 403),
        (
            format!("{entity}items:\n  - {{apiVersion: v1, kind: Secret, metadata: {{name: x}}}}\n"),
            400,
        ),
        (format!("{entity}kind: Secret\n"), 400),
    ] {
        let mut wanted = publication_with("content", json!(content));
        wanted["branchName"] = json!("main");
        let said = portal.publish(&wanted).await.refused();
        assert_eq!(said.0, status, "{content}: {}", said.1);
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn no_credential_is_in_any_answer_or_message_of_the_host() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", branch: main", "").await;
        portal.host.take(CALLERS);
        let mut wanted = publication_with("token", json!(CALLERS));
        wanted["branchName"] = json!("main");
        let root = match kind {
            Kind::GitHub => "GET /repos/acme/requests/git/ref/heads/main",
            Kind::GitLab => "GET /api/v4/projects/acme%2Frequests/repository/branches/main",
        };
        for status in [400, 403, 409, 422, 500] {
            let repeated = |token: &str| {
                [crate::support::code_host::refusal(
                    status,
                    &[],
                    &format!("bad {token}"),
                )]
            };
            portal.host.plant(root, &repeated(TOKEN));
            let ours = portal.ask(&order("small")).await;
            portal.host.plant(root, &repeated(CALLERS));
            let callers = portal.publish(&wanted).await;
            for said in [ours, callers] {
                assert!(
                    said.status >= 400 && !said.body.to_string().contains("canary"),
                    "{}",
                    said.body
                );
            }
        }
    }
}
