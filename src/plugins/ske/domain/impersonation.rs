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

    /// Whether the portal user with this subject can be named at all, which needs no look at anything else.
    ///
    /// # Errors
    /// A subject that is no full entity reference, or of a kind the template does not tell apart.
    pub(in crate::plugins::ske) fn check_subject(&self, subject: &str) -> Result<(), NotImpersonated> {
        self.check_kind(&portal_user(subject)?)
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
        let user = portal_user(subject)?;
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
            let subject: String = subject.escape_debug().take(MAX_NAME).collect();
            return Err(NotImpersonated(format!(
                "This caller is not a portal user, and stagedoor.ske.impersonation.services names no cluster user for \
                 its subject; add '{subject}' there"
            )));
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

fn portal_user(subject: &str) -> Result<UserRef, NotImpersonated> {
    UserRef::parse(subject).ok_or_else(|| {
        let why = "The signed-in user's subject is not of the form 'kind:namespace/name', so that no cluster user can \
                   be named for it; correct the sign-in resolver of the portal";
        NotImpersonated(why.to_owned())
    })
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
