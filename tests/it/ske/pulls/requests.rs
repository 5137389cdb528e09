//! A request becomes a branch, a commit and a pull request; a deletion likewise, on a branch of its own.

use serde_json::json;

use super::portal::{BOTH, BRANCH, FILE, Portal, REPOSITORY, deletion, manifest, order, order_with};
use crate::support::code_host::{Kind, world::World};

#[tokio::test]
async fn a_request_is_one_file_on_a_branch_of_its_own_and_an_open_pull_request() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let told = portal.ask(&order("small")).await.ok();
        let pull = &portal.pulls()[0];
        let url = match kind {
            Kind::GitHub => "https://code.example.com/acme/requests/pull/1",
            Kind::GitLab => "https://code.example.com/acme/requests/-/merge_requests/1",
        };
        let commit = portal.world(|world| world.branches[BRANCH].clone());
        assert_eq!(
            told,
            json!({ "remoteUrl": url, "branchName": BRANCH, "commitSha": commit, "created": true })
        );
        assert_eq!((pull.head.as_str(), pull.base.as_str()), (BRANCH, "main"));
        assert_eq!(pull.title, "Request Redis team/mine");
        assert!(
            pull.body.ends_with("Requested in the portal by `tests`."),
            "{}",
            pull.body
        );
        let text = portal.file(BRANCH).unwrap();
        assert!(
            text.contains("kind: Redis") && text.contains("namespace: team"),
            "{text}"
        );
        let tip = portal.tip(BRANCH);
        assert_eq!(tip.files.len(), 2, "all else stays");
        assert_eq!(
            tip.message,
            "chore: configure Redis team/mine\n\nRequested-by: tests\n"
        );
        assert_eq!(
            portal.file("main"),
            None,
            "nothing is on main before somebody merges it"
        );
    }
}

#[tokio::test]
async fn title_text_and_target_are_the_callers_when_given() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.world(|world| {
            let tip = world.branches["main"].clone();
            world.branches.insert("next".to_owned(), tip);
        });
        let mut order = order_with("targetBranch", json!("next"));
        order["title"] = json!("A small one");
        order["description"] = json!("We need it.");
        order["action"] = json!("Update");
        portal.ask(&order).await.ok();
        let pull = &portal.pulls()[0];
        assert_eq!((pull.base.as_str(), pull.title.as_str()), ("next", "A small one"));
        assert!(pull.body.starts_with("We need it."));
    }
}

#[tokio::test]
async fn a_deletion_takes_the_file_away_on_a_branch_of_its_own() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.world(|world| world.push("main", FILE, Some("old\n")));
        let told = portal.ask(&deletion()).await.ok();
        assert_eq!(told["branchName"], "backstage/redis/team/mine-delete");
        assert_eq!(portal.file("backstage/redis/team/mine-delete"), None);
        assert_eq!(portal.file("main").as_deref(), Some("old\n"));
        let tip = portal.tip("backstage/redis/team/mine-delete");
        assert!(tip.message.starts_with("chore: delete Redis team/mine\n"));
        assert_eq!(portal.pulls()[0].title, "Delete Redis team/mine");
        // Again: the same pull request, and no second commit.
        let again = portal.ask(&deletion()).await.ok();
        assert_eq!(
            (again["created"].as_bool(), &again["commitSha"]),
            (Some(false), &told["commitSha"])
        );
        assert_eq!(portal.pulls().len(), 1);
    }
}

#[tokio::test]
async fn a_deletion_of_what_is_not_there_is_a_404_and_opens_nothing() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let (status, message) = portal.ask(&deletion()).await.refused();
        assert!(
            status == 404 && message.contains(FILE) && message.contains("'main'"),
            "{status} {message}"
        );
        assert!(portal.pulls().is_empty() && portal.writes() == 0);
    }
}

#[tokio::test]
async fn what_the_target_has_already_is_not_proposed() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        portal.ask(&order("small")).await.ok();
        portal.world(|world| {
            world.settle(1, "merged");
            world.branches.remove(BRANCH);
        });
        let before = portal.writes();
        let (status, message) = portal.ask(&order("small")).await.refused();
        assert!(
            status == 409 && message.contains("already as it should be"),
            "{status} {message}"
        );
        assert_eq!(portal.writes(), before);
    }
}

#[tokio::test]
async fn a_request_goes_into_the_folder_and_to_the_branch_of_its_entry() {
    for kind in BOTH {
        let portal = Portal::with(kind, ", branch: main, path: teams", "").await;
        portal.ask(&order("small")).await.ok();
        let file = portal.world(|world| world.file(BRANCH, &format!("teams/{FILE}")));
        assert!(file.is_some());
        let (status, message) = portal
            .ask(&order_with("targetBranch", json!("next")))
            .await
            .refused();
        assert!(
            status == 403 && message.contains("stagedoor.ske.repositories"),
            "{status} {message}"
        );
    }
}

#[tokio::test]
async fn a_resource_whose_name_ends_like_a_deletion_has_a_branch_of_its_own() {
    let portal = Portal::start(Kind::GitHub).await;
    portal.world(|world| world.push("main", FILE, Some("old\n")));
    let deleted = portal.ask(&deletion()).await.ok();
    let mut other = order("small");
    other["manifest"]["metadata"]["name"] = json!("mine-delete");
    let requested = portal.ask(&other).await.ok();
    assert_ne!(deleted["branchName"], requested["branchName"]);
    assert_eq!(portal.pulls().len(), 2);
}

#[tokio::test]
async fn a_request_is_recorded_in_the_same_step_and_once_however_often_it_is_run() {
    for kind in BOTH {
        let portal = Portal::start(kind).await;
        let told = portal.ask(&order("small")).await.ok();
        portal.ask(&order("small")).await.ok();
        let listed = portal.get("/api/ske/pending-requests").await.ok().to_string();
        let url = told["remoteUrl"].as_str().unwrap();
        assert_eq!(listed.matches(url).count(), 1, "{listed}");
        assert!(
            listed.contains("code.example.com?owner=acme&repo=requests"),
            "{listed}"
        );
    }
}

#[tokio::test]
async fn an_app_opens_pull_requests_too() {
    use crate::support::{
        code_host::{APP_TOKEN, FakeCodeHost, world::World},
        github::{APP_ID, KEYS},
    };
    let host = FakeCodeHost::start(Kind::GitHub).await;
    host.hold("acme/requests", World::with(&[("README.md", "hello\n")]))
        .take(APP_TOKEN);
    let key = serde_json::to_string(&KEYS[0].serialize_pem()).unwrap();
    let app = format!("apps: [{{ appId: {APP_ID}, privateKey: {key} }}]");
    let ours = "repositories: [{ host: code.example.com, owner: acme, repo: requests }]";
    let portal = Portal::before(host, &app, ours).await;
    portal.ask(&order("small")).await.ok();
    portal.ask(&order("large")).await.ok();
    assert_eq!(portal.host.count("POST /app/installations"), 1);
    assert!(
        portal.tip(BRANCH).author.is_none(),
        "the App is the author, so that GitHub signs"
    );
}

#[tokio::test]
async fn a_sealed_file_is_not_proposed_to_be_overwritten() {
    let plain = manifest("mine", "small").to_string();
    let mut signed = manifest("mine", "small");
    signed["metadata"]["annotations"] = json!({ "cosign.sigstore.dev/signature": "x" });
    let mut encrypted = manifest("mine", "ENC[x]");
    encrypted["sops"] = json!({ "mac": "ENC[y]" });
    for kind in BOTH {
        for (text, tool) in [
            (encrypted.to_string(), Some("sops")),
            (format!("{plain}\n---\n{encrypted}\n"), Some("sops")),
            (signed.to_string(), Some("cosign")),
            (
                "$ANSIBLE_VAULT;1.1;AES256\n3061\n".to_owned(),
                Some("ansible-vault"),
            ),
            (plain.clone(), None),
        ] {
            let portal = Portal::start(kind).await;
            portal.host.hold(REPOSITORY, World::with(&[(FILE, &text)]));
            let said = portal.ask(&order_with("action", json!("Update"))).await;
            let message = said.body["message"].as_str().unwrap_or_default();
            match tool {
                Some(tool) => {
                    assert_eq!(said.status, 409, "{text}: {}", said.body);
                    assert!(message.contains(tool) && message.contains(FILE), "{message}");
                    assert_eq!(portal.writes(), 0);
                }
                None => assert_eq!(said.status, 200, "{}", said.body),
            }
            portal.ask(&deletion()).await.ok();
        }
    }
}
