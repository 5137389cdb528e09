//! What a credential may do in a repository, as far as one look at it tells.

use serde::Deserialize;

use super::{
    CodeHosts,
    call::{Ask, Credential, HostApi},
    error::HostError,
};
use crate::backstage::integrations::{credentials::Grant, repository_address::RepositoryAddress};

/// The role from which on GitLab lets anybody push and open merge requests.
const DEVELOPER: u64 = 30;

/// A repository that the credential of its host's entry reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Where the credential comes from.
    pub credential: String,
    /// The branch everybody works from; none is told of an empty project at GitLab.
    pub default_branch: Option<String>,
    /// Whether it may be written to.
    pub rights: Rights,
}

/// Whether a credential may push and open pull requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// It may.
    Write,
    /// The host does not tell: GitLab of what comes through a shared group, GitHub of some Apps.
    Untold,
    /// It may not; why, and what to do.
    Missing(String),
}

/// GitHub, "Get a repository"; GitLab, "Get a single project".
#[derive(Deserialize)]
struct RepositoryBody {
    /// Both always give it, and nothing that is no repository does.
    #[serde(rename = "id")]
    _id: u64,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    /// GitHub's.
    push: Option<bool>,
    /// GitLab's, in the project itself and in its groups.
    project_access: Option<Role>,
    group_access: Option<Role>,
}

#[derive(Deserialize)]
struct Role {
    access_level: u64,
}

impl CodeHosts {
    /// Looks at the repository with the credential that would write to it; changes nothing.
    ///
    /// # Errors
    /// The repository is not reached with it.
    pub async fn access(&self, repository: &RepositoryAddress) -> Result<Access, HostError> {
        let api = self.api(repository)?;
        let project = api.project();
        let ask = if api.is_github {
            Ask::get(&["repos", repository.owner(), repository.repo()])
        } else {
            Ask::get(&["projects", &project])
        };
        let answer = self.ask(&api, &ask).await?;
        let body: RepositoryBody = api.read(&answer, "it is no repository")?;
        Ok(Access {
            credential: api.whose(),
            rights: body.rights(&grant(&api)),
            default_branch: body.default_branch,
        })
    }
}

fn grant(api: &HostApi) -> Grant {
    match &api.credential {
        Credential::GitHub(source) => source.grant(),
        Credential::Entry(_) | Credential::Callers(_) | Credential::Missing => Grant::OfEntry,
    }
}

impl RepositoryBody {
    /// What a repository says of rights is about people; an App's are told with its token.
    fn rights(&self, grant: &Grant) -> Rights {
        if self.archived {
            let what = "the repository is archived; unarchive it, or take it from the list";
            return Rights::Missing(what.to_owned());
        }
        match grant {
            Grant::OfApp(None) => Rights::Untold,
            Grant::OfApp(Some(lacking)) if lacking.is_empty() => Rights::Write,
            Grant::OfApp(Some(lacking)) => Rights::Missing(format!(
                "its App may not write {}; give it that permission, and let the owner accept it",
                lacking.join(" and ")
            )),
            Grant::OfEntry => self
                .permissions
                .as_ref()
                .map_or(Rights::Untold, Permissions::rights),
        }
    }
}

impl Permissions {
    fn rights(&self) -> Rights {
        let roles = [&self.project_access, &self.group_access].into_iter().flatten();
        match (self.push, roles.map(|role| role.access_level).max()) {
            (Some(false), _) => Rights::Missing(
                "may not push; give it the right to write contents and pull requests".to_owned(),
            ),
            (None, Some(level)) if level < DEVELOPER => Rights::Missing(format!(
                "has only the access level {level} there; give it {DEVELOPER} (Developer) or more"
            )),
            (None, None) => Rights::Untold,
            (Some(true), _) | (None, Some(_)) => Rights::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rights(body: Value, grant: &Grant) -> Rights {
        let body: RepositoryBody = serde_json::from_value(body).unwrap();
        body.rights(grant)
    }

    fn of_entry(permissions: Value) -> Rights {
        rights(json!({ "id": 1, "permissions": permissions }), &Grant::OfEntry)
    }

    fn missing(rights: &Rights) -> &str {
        match rights {
            Rights::Missing(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_may_what_the_repository_says() {
        assert_eq!(of_entry(json!({ "pull": true, "push": true })), Rights::Write);
        assert!(missing(&of_entry(json!({ "push": false }))).contains("may not push"));
        let role = |level: u64| json!({ "access_level": level, "notification_level": 3 });
        let member = |level: u64| json!({ "project_access": null, "group_access": role(level) });
        assert_eq!(of_entry(member(30)), Rights::Write);
        assert!(missing(&of_entry(member(20))).contains("access level 20"));
        let both = json!({ "project_access": role(20), "group_access": role(40) });
        assert_eq!(of_entry(both), Rights::Write, "the higher role counts");
    }

    #[test]
    fn what_is_not_told_is_neither_a_right_nor_a_lack() {
        let shared = json!({ "project_access": null, "group_access": null });
        assert_eq!(of_entry(shared), Rights::Untold);
        assert_eq!(of_entry(Value::Null), Rights::Untold);
    }

    #[test]
    fn an_app_may_what_came_with_its_token_and_not_what_the_repository_says() {
        let body = || json!({ "id": 1, "permissions": { "push": false } });
        assert_eq!(rights(body(), &Grant::OfApp(Some(Vec::new()))), Rights::Write);
        assert_eq!(rights(body(), &Grant::OfApp(None)), Rights::Untold);
        let lacking = rights(body(), &Grant::OfApp(Some(vec!["contents", "pull requests"])));
        assert!(missing(&lacking).contains("contents and pull requests"));
    }

    #[test]
    fn nothing_is_written_to_an_archived_repository() {
        let body = json!({ "id": 1, "archived": true, "permissions": { "push": true } });
        assert!(missing(&rights(body, &Grant::OfEntry)).contains("archived"));
    }
}
