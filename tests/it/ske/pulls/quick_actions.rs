//! A text that is sent with our token tells GitLab nothing but what it says: its lines are shown, not carried out.

use serde_json::json;

use super::portal::{BOTH, BRANCH, Portal, order, order_with};
use crate::support::code_host::{Kind, Planted};

/// A portal whose entry names `main`, at a repository that has `production` too.
async fn portal(kind: Kind) -> Portal {
    let portal = Portal::with(kind, ", branch: main", "").await;
    portal.world(|world| {
        let main = world.branches["main"].clone();
        world.branches.insert("production".to_owned(), main);
    });
    portal
}

#[tokio::test]
async fn a_description_does_not_choose_where_a_merge_request_goes() {
    for description in [
        "/target_branch production",
        "why\n/target_branch production",
        "why\r\n/target_branch production\r\nwhy",
        "why\n\r/target_branch production",
        "why\n/Target_Branch production",
        "```\n/target_branch production\n```",
        "<p>\n/target_branch production\n</p>",
    ] {
        for kind in BOTH {
            let portal = portal(kind).await;
            portal
                .ask(&order_with("description", json!(description)))
                .await
                .ok();
            let pulls = portal.pulls();
            assert_eq!(
                (pulls.len(), pulls[0].base.as_str()),
                (1, "main"),
                "{description:?}"
            );
            assert!(
                pulls[0].body.to_lowercase().contains("/target_branch production"),
                "it is still to be read: {}",
                pulls[0].body
            );
        }
    }
}

#[tokio::test]
async fn no_other_line_of_a_description_is_carried_out_either_and_github_gets_it_as_it_is() {
    let description = "We need it, see /etc.\n/merge\n/assign @root\n/close";
    let order = order_with("description", json!(description));
    let [github, gitlab] = [portal(Kind::GitHub).await, portal(Kind::GitLab).await];
    github.ask(&order).await.ok();
    gitlab.ask(&order).await.ok();
    assert!(github.pulls()[0].body.starts_with(description));
    let shown = "We need it, see /etc.\n\\/merge\n\\/assign @root\n\\/close";
    assert!(
        gitlab.pulls()[0].body.starts_with(shown),
        "{}",
        gitlab.pulls()[0].body
    );
}

#[tokio::test]
async fn what_the_host_opens_otherwise_than_it_was_asked_is_an_error_that_names_it() {
    for (kind, open, url, answer) in [
        (
            Kind::GitHub,
            "POST /repos/acme/requests/pulls",
            "https://code.example.com/acme/requests/pull/7",
            json!({ "number": 7, "head": { "ref": BRANCH }, "base": { "ref": "production" } }),
        ),
        (
            Kind::GitLab,
            "POST /api/v4/projects/acme%2Frequests/merge_requests",
            "https://code.example.com/acme/requests/-/merge_requests/7",
            json!({ "iid": 7, "state": "opened", "source_branch": BRANCH, "target_branch": "production" }),
        ),
    ] {
        let portal = portal(kind).await;
        let mut answer = answer;
        answer["html_url"] = json!(url);
        answer["web_url"] = json!(url);
        portal.host.plant(open, &[Planted::Raw(201, Vec::new(), answer)]);
        let (status, message) = portal.ask(&order("small")).await.refused();
        assert!(
            status == 502 && message.contains(url) && message.contains("'production'"),
            "{status} {message}"
        );
        let listed = portal.get("/api/ske/pending-requests").await.ok();
        assert_eq!(
            listed["items"],
            json!([]),
            "nothing is waited for that nobody asked for"
        );
    }
}
