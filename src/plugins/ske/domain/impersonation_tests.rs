//! Every sentence about whom a caller becomes in the cluster.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    impersonation::{Impersonation, Known, UsernameFrom},
    template::{Field, Template},
};

fn impersonation(user: &str, groups: &[&str]) -> Impersonation {
    let groups = groups.iter().map(|group| Template::parse(group).unwrap());
    Impersonation {
        user: Template::parse(user).unwrap(),
        groups: groups.collect(),
        username_from: UsernameFrom::EntityRef,
        groups_from_ownership: false,
        actors: vec!["scaffolder".to_owned()],
        services: BTreeMap::from([("ci".to_owned(), "backstage:ci".to_owned())]),
    }
}

fn usual() -> Impersonation {
    impersonation("backstage:{namespace}/{name}", &["backstage:{namespace}"])
}

fn from_annotation() -> Impersonation {
    Impersonation {
        username_from: UsernameFrom::Annotation("example.com/login".to_owned()),
        ..impersonation("oidc:{annotation}", &[])
    }
}

fn refused(impersonation: &Impersonation, subject: &str, known: Known<'_>) -> String {
    impersonation.render(subject, known).unwrap_err().to_string()
}

fn owning(ownership: &[String]) -> Known<'_> {
    Known {
        ownership,
        annotation: None,
    }
}

#[test]
fn a_user_and_the_groups_are_made_of_the_templates() {
    let user = usual().render("user:team-a/jane", Known::default()).unwrap();
    assert_eq!(
        (user.user.as_str(), user.groups.as_slice()),
        ("backstage:team-a/jane", &["backstage:team-a".to_owned()][..])
    );
}

#[test]
fn two_users_of_one_name_in_two_namespaces_stay_two() {
    let name = |subject| usual().render(subject, Known::default()).unwrap().user;
    assert_ne!(name("user:a/jane"), name("user:b/jane"));
}

#[test]
fn a_subject_that_is_no_full_reference_is_refused() {
    for subject in [
        "",
        "jane",
        "user:jane",
        "default/jane",
        "user:default/jane/x",
        "user:default/jane smith",
        "plugin:scaffolder",
    ] {
        let problem = refused(&usual(), subject, Known::default());
        assert!(problem.contains("kind:namespace/name"), "{subject}: {problem}");
    }
}

#[test]
fn nobody_becomes_a_user_or_group_that_begins_with_system() {
    for (user, groups, subject) in [
        ("{name}:{namespace}", &[][..], "user:default/system"),
        ("{name}:{namespace}", &[], "user:default/System"),
        ("sys{name}:{namespace}", &[], "user:default/tem"),
        ("{namespace}/{name}", &["{name}:masters"], "user:default/system"),
        ("{kind}:{namespace}/{name}", &[], "system:default/jane"),
    ] {
        let problem = refused(&impersonation(user, groups), subject, Known::default());
        assert!(problem.contains("begins with 'system:'"), "{user}: {problem}");
    }
    let known = Known {
        annotation: Some("system:admin"),
        ..Known::default()
    };
    let mut plain = from_annotation();
    plain.user = Template::only(Field::Annotation);
    assert!(refused(&plain, "user:default/jane", known).contains("system:"));
    let mut owner = usual();
    owner.groups_from_ownership = true;
    let ownership = ["system:default/payments".to_owned()];
    assert!(refused(&owner, "user:default/jane", owning(&ownership)).contains("system:"));
    let mut service = usual();
    service
        .services
        .insert("external:x".to_owned(), "system:masters".to_owned());
    assert!(
        service
            .service("external:x")
            .unwrap_err()
            .to_string()
            .contains("system:")
    );
}

#[test]
fn system_elsewhere_in_a_name_is_an_ordinary_word() {
    let user = usual().render("user:system/system", Known::default()).unwrap();
    assert_eq!(user.user, "backstage:system/system");
}

#[test]
fn another_kind_than_user_needs_a_template_that_tells_kinds_apart() {
    let problem = refused(&usual(), "group:default/jane", Known::default());
    assert!(problem.contains("{kind}"), "{problem}");
    let with_kind = impersonation("{kind}:{namespace}/{name}", &[]);
    assert_eq!(
        with_kind
            .render("group:default/jane", Known::default())
            .unwrap()
            .user,
        "group:default/jane"
    );
    assert!(usual().render("User:default/jane", Known::default()).is_ok());
}

#[test]
fn the_name_may_come_from_an_annotation_so_that_it_equals_the_sign_ins() {
    let known = Known {
        annotation: Some("jane@example.com"),
        ..Known::default()
    };
    assert_eq!(from_annotation().annotation(), Some("example.com/login"));
    assert_eq!(
        from_annotation().render("user:default/jane", known).unwrap().user,
        "oidc:jane@example.com"
    );
    let problem = refused(&from_annotation(), "user:default/jane", Known::default());
    assert!(problem.contains("'example.com/login'"), "{problem}");
    assert_eq!(usual().annotation(), None);
}

#[test]
fn a_name_that_would_not_arrive_as_it_left_is_refused() {
    let long = "x".repeat(254);
    for annotation in ["", " jane", "jane ", "ja\nne", "jané", "a\0b", &long] {
        let known = Known {
            annotation: Some(annotation),
            ..Known::default()
        };
        let mut plain = from_annotation();
        plain.user = Template::only(Field::Annotation);
        assert!(
            plain.render("user:default/jane", known).is_err(),
            "{annotation:?}"
        );
    }
}

#[test]
fn ownership_adds_a_group_for_each_entity_only_when_asked_for() {
    let ownership = [
        "user:default/jane",
        "group:default/team-a",
        "group:default/team-a",
    ]
    .map(str::to_owned);
    let mut owner = usual();
    owner.groups_from_ownership = true;
    let groups = owner
        .render("user:default/jane", owning(&ownership))
        .unwrap()
        .groups;
    assert_eq!(
        groups,
        ["backstage:default", "user:default/jane", "group:default/team-a"]
    );
    let groups = usual()
        .render("user:default/jane", owning(&ownership))
        .unwrap()
        .groups;
    assert_eq!(groups, ["backstage:default"]);
    let broken = ["team-a".to_owned()];
    assert!(refused(&owner, "user:default/jane", owning(&broken)).contains("no entity reference"));
}

#[test]
fn a_service_is_refused_unless_its_subject_is_named() {
    let user = usual().service("ci").unwrap();
    assert_eq!((user.user.as_str(), user.groups.len()), ("backstage:ci", 0));
    let problem = usual().service("external:other").unwrap_err().to_string();
    assert!(
        problem.contains("stagedoor.ske.impersonation.services"),
        "{problem}"
    );
}

#[test]
fn a_call_comes_directly_or_through_a_named_plugin() {
    assert!(usual().check_actor(None).is_ok());
    assert!(usual().check_actor(Some("scaffolder")).is_ok());
    let problem = usual().check_actor(Some("search")).unwrap_err().to_string();
    assert!(
        problem.contains("stagedoor.ske.impersonation.actors"),
        "{problem}"
    );
}

proptest! {
    /// The users are those that are hardest to tell apart: one text, cut in two places.
    #[test]
    fn two_users_never_share_a_name_under_a_template_that_is_not_ambiguous(
        separator in "[-a./:@]{0,2}",
        words in proptest::collection::vec("[ab]", 3..6),
        cuts in (1_usize..6, 1_usize..6),
    ) {
        let template = format!("x{{namespace}}{separator}{{name}}");
        let (one, other) = (cuts.0.min(words.len() - 1), cuts.1.min(words.len() - 1));
        prop_assume!(one != other && !Template::parse(&template).unwrap().is_ambiguous());
        let name = |cut: usize, mark: &str| {
            let (namespace, name) = words.split_at(cut);
            let subject = format!("user:{}/{}", namespace.join(mark), name.join(mark));
            impersonation(&template, &[]).render(&subject, Known::default()).unwrap().user
        };
        for mark in ["", "-"] {
            prop_assert_ne!(name(one, mark), name(other, mark));
        }
    }
}
