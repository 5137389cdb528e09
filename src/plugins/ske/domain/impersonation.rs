//! Which cluster user stands for a portal user, so that the cluster's own rules judge the person.

use std::collections::BTreeMap;

use super::{
    template::{Field, Template},
    user_ref::UserRef,
};

/// Names that begin so belong to Kubernetes itself; `system:masters` may do anything.
const RESERVED: &str = "system:";

/// Longest name we send; no identity provider's is near it.
const MAX_NAME: usize = 253;

/// `stagedoor.ske.impersonation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Impersonation {
    /// Makes the user name.
    pub(in crate::plugins::ske) user: Template,
    /// Make the groups every user gets.
    pub(in crate::plugins::ske) groups: Vec<Template>,
    /// What the user name is made from.
    pub(in crate::plugins::ske) username_from: UsernameFrom,
    /// Whether each entity the user owns through becomes a group of that name.
    pub(in crate::plugins::ske) groups_from_ownership: bool,
    /// Plugins that may act for a user.
    pub(in crate::plugins::ske) actors: Vec<String>,
    /// Cluster user of callers that are no portal user, by their subject.
    pub(in crate::plugins::ske) services: BTreeMap<String, String>,
}

/// `usernameFrom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) enum UsernameFrom {
    /// The user's entity reference alone.
    EntityRef,
    /// An annotation of the user's entity, by its key.
    Annotation(String),
}

/// What a portal user's own claims and entity say, besides who it is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::plugins::ske) struct Known<'a> {
    /// Value of the annotation that `usernameFrom` names; `None` when the entity has none.
    pub(in crate::plugins::ske) annotation: Option<&'a str>,
    /// Entities the user owns through (`ent` of Backstage's user info); read with `groupsFrom: ownership` only.
    pub(in crate::plugins::ske) ownership: &'a [String],
}

/// A user as the API server is told it, in `Impersonate-User` and `Impersonate-Group`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct ClusterUser {
    /// The user name.
    pub(in crate::plugins::ske) user: String,
    /// The groups; may be empty.
    pub(in crate::plugins::ske) groups: Vec<String>,
}

/// Why nobody is impersonated for a caller, in a sentence; never a reason to go on as ourselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::plugins::ske) struct NotImpersonated(pub(in crate::plugins::ske) String);

impl Impersonation {
    /// The annotation to look up before `user` is called, if there is one.
    pub(in crate::plugins::ske) fn annotation(&self) -> Option<&str> {
        match &self.username_from {
            UsernameFrom::EntityRef => None,
            UsernameFrom::Annotation(key) => Some(key),
        }
    }

    /// Returns the cluster user of the portal user with this subject.
    ///
    /// # Errors
    /// A subject that is no full entity reference, a kind the template does not tell apart, no annotation where one
    /// is needed, and any name that is Kubernetes' own or cannot be sent.
    pub(in crate::plugins::ske) fn render(
        &self,
        subject: &str,
        known: Known<'_>,
    ) -> Result<ClusterUser, NotImpersonated> {
        let user = UserRef::parse(subject).ok_or_else(|| {
            let why = "The signed-in user's subject is not of the form 'kind:namespace/name', so that no cluster user \
                       can be named for it; correct the sign-in resolver of the portal";
            NotImpersonated(why.to_owned())
        })?;
        let annotation = self.annotation_value(known)?;
        self.check_kind(&user)?;
        let name = checked(self.user.render(&user, annotation), "user")?;
        let mut groups = Vec::new();
        for group in &self.groups {
            groups.push(checked(group.render(&user, annotation), "group")?);
        }
        if self.groups_from_ownership {
            groups.extend(ownership_groups(known.ownership)?);
        }
        let mut seen = std::collections::HashSet::new();
        groups.retain(|group| seen.insert(group.clone()));
        Ok(ClusterUser { user: name, groups })
    }

    /// Returns the cluster user of a caller that is no portal user.
    ///
    /// # Errors
    /// `services` does not name the subject.
    pub(in crate::plugins::ske) fn service(&self, subject: &str) -> Result<ClusterUser, NotImpersonated> {
        let Some(user) = self.services.get(subject) else {
            return Err(NotImpersonated(
                "This caller is not a portal user and stagedoor.ske.impersonation.services names no cluster user for \
                 its subject; add the subject there"
                    .to_owned(),
            ));
        };
        let user = checked(user.clone(), "user")?;
        Ok(ClusterUser {
            user,
            groups: Vec::new(),
        })
    }

    /// Whether a call for a user may come this way: directly (`None`), or through a plugin that `actors` names.
    ///
    /// # Errors
    /// The plugin is not named.
    pub(in crate::plugins::ske) fn check_actor(&self, actor: Option<&str>) -> Result<(), NotImpersonated> {
        match actor {
            Some(plugin) if !self.actors.iter().any(|known| known == plugin) => {
                Err(NotImpersonated(format!(
                    "The plugin '{plugin}' may not act for a user here; add it to stagedoor.ske.impersonation.actors if \
                 it should"
                )))
            }
            _ => Ok(()),
        }
    }

    fn annotation_value<'a>(&self, known: Known<'a>) -> Result<&'a str, NotImpersonated> {
        match &self.username_from {
            UsernameFrom::EntityRef => Ok(""),
            UsernameFrom::Annotation(key) => known.annotation.ok_or_else(|| {
                NotImpersonated(format!(
                    "The User entity of the signed-in user has no annotation '{key}', from which \
                     stagedoor.ske.impersonation.usernameFrom makes the cluster user; add it to the entity"
                ))
            }),
        }
    }

    /// Without `{kind}` a group of a user's name would become that user.
    fn check_kind(&self, user: &UserRef) -> Result<(), NotImpersonated> {
        let told_apart = self.user.uses(Field::Kind) || self.user.uses(Field::Annotation);
        if told_apart || user.kind().eq_ignore_ascii_case("user") {
            return Ok(());
        }
        Err(NotImpersonated(format!(
            "The signed-in user is an entity of kind '{}'; put {{kind}} into stagedoor.ske.impersonation.user to \
             admit other kinds than user",
            user.kind()
        )))
    }
}

/// One group per entity, named by its full reference.
fn ownership_groups(ownership: &[String]) -> Result<Vec<String>, NotImpersonated> {
    let group = |text: &String| {
        let group = UserRef::parse(text).ok_or_else(|| {
            NotImpersonated(
                "Backstage says the user owns through something that is no entity reference".to_owned(),
            )
        })?;
        checked(group.to_string(), "group")
    };
    ownership.iter().map(group).collect()
}

fn checked(name: String, what: &str) -> Result<String, NotImpersonated> {
    match check_cluster_name(&name) {
        Ok(()) => Ok(name),
        Err(problem) => Err(NotImpersonated(format!(
            "The cluster {what} made for this caller by stagedoor.ske.impersonation {problem}"
        ))),
    }
}

/// Checks a finished name of a user or group: it must arrive in the header as it left, and not be Kubernetes' own.
///
/// # Errors
/// What is wrong, as the rest of a sentence.
pub(in crate::plugins::ske) fn check_cluster_name(name: &str) -> Result<(), &'static str> {
    let beginning = name.as_bytes().get(..RESERVED.len());
    if beginning.is_some_and(|found| found.eq_ignore_ascii_case(RESERVED.as_bytes())) {
        return Err("begins with 'system:', which is reserved for Kubernetes itself");
    }
    if name.is_empty() || name.len() > MAX_NAME {
        return Err("is empty or longer than 253 characters");
    }
    if name.trim() != name || !name.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        return Err("has spaces at its ends or characters outside ASCII, which do not survive in a header");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impersonation(user: &str, groups: &[&str]) -> Impersonation {
        let groups = groups.iter().map(|group| Template::parse(group).unwrap());
        Impersonation {
            user: Template::parse(user).unwrap(),
            groups: groups.collect(),
            username_from: UsernameFrom::EntityRef,
            groups_from_ownership: false,
            actors: vec!["scaffolder".to_owned()],
            services: BTreeMap::from([("external:ci".to_owned(), "backstage:ci".to_owned())]),
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
        let user = usual().service("external:ci").unwrap();
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
}
