//! The same portal with Stagedoor as its only address.

use super::{
    actions, document::Shape, people, permissions, platform::InGit, running::Portal, spacelift, templates,
};
use crate::support::app::client;

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_through_git_from_a_portal_with_stagedoor_in_front() {
    templates::into_git(Shape::InFront).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_a_cluster_from_a_portal_with_stagedoor_in_front() {
    templates::into_the_cluster(Shape::InFront).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_front_everything_is_found_at_one_address() {
    let mut portal = Portal::open(Shape::InFront, &InGit::open().await).await;
    assert_eq!(portal.address("catalog"), portal.address("ske"));
    actions::all_are_listed(&portal).await;
    permissions::one_user_is_denied(&portal).await;
    spacelift::from_a_page(&portal).await;
    spacelift::from_a_template(&portal).await;
    refuses_as_backstage_does(&portal).await;
    portal.stop_stagedoor();
    let answer = client().get(portal.url("/api/catalog/entities")).send().await;
    assert!(answer.is_err(), "there is no other way in: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_front_nobody_signs_in_by_claiming_to_be_the_sign_in_proxy() {
    let portal = Portal::open(Shape::InFront, &InGit::open().await).await;
    let refresh = client().get(portal.url("/api/auth/oauth2Proxy/refresh"));
    let claim = refresh
        .header("x-requested-with", "XMLHttpRequest")
        .header("x-forwarded-user", "jane");
    let answer = claim.send().await.unwrap();
    assert!(!answer.status().is_success());
    let text = answer.text().await.unwrap();
    assert!(text.contains("Request did not contain a user"), "{text}");
}

/// A stranger gets Backstage's own refusal, unchanged, and a path of nobody's its 404.
async fn refuses_as_backstage_does(portal: &Portal) {
    for path in ["/api/catalog/entities", "/api/nobody/at-all"] {
        let (through, straight) = (portal.url(path), format!("{}{path}", portal.home.backend.base));
        let mut said = Vec::new();
        for url in [through, straight] {
            let answer = client().get(url).send().await.unwrap();
            said.push((answer.status(), answer.text().await.unwrap()));
        }
        assert_eq!(said[0], said[1], "{path}");
    }
    let guest = people::guest(portal.address("auth")).await;
    let probe = client().get(portal.url("/api/probe/caller")).bearer_auth(guest);
    assert_eq!(people::json(probe).await["userEntityRef"], people::GUEST);
}
