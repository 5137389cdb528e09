//! A request for a resource as a pull request: which branch, which file, and the words around it.

use super::{Manifest, ObjectRef, object_ref::Invalid};
use crate::infra::git::BranchName;

/// What the branches of requests begin with, and the folder their files are in: the conventions of SKE's Templates.
const BRANCHES: &str = "backstage";
const FOLDER: &str = "kratix-requests";

/// What a deletion's branch ends with. Nothing else may, so that a deletion never shares a branch with the request for
/// a resource whose name ends so.
const DELETION: &str = "-delete";

/// No name of Kubernetes holds this character, so no other request has a branch that ends with it.
const NOT_A_DELETION: char = '_';

/// Longest title, in characters; GitLab takes no longer one.
const LONGEST_TITLE: usize = 255;

/// Longest description, in characters; GitHub takes no longer one.
const LONGEST_DESCRIPTION: usize = 60_000;

/// What is asked for, in the words of SKE's Templates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Intent {
    /// A new resource.
    #[default]
    Request,
    /// Another state of one.
    Update,
    /// Its end.
    Delete,
}

/// A resource that is asked for.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct Request {
    /// The Promise's name.
    promise: String,
    object: ObjectRef,
    intent: Intent,
}

impl Intent {
    /// Reads the word, capitalised exactly as SKE writes it.
    ///
    /// # Errors
    /// Any other.
    pub(in crate::plugins::ske) fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "Request" => Ok(Self::Request),
            "Update" => Ok(Self::Update),
            "Delete" => Ok(Self::Delete),
            _ => Err(Invalid(
                "action must be Request, Update or Delete, written exactly so".to_owned(),
            )),
        }
    }

    /// The word.
    pub(in crate::plugins::ske) fn word(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

impl Request {
    /// Takes the parts.
    ///
    /// # Errors
    /// The Promise's or the object's name could not be part of a path or a branch.
    pub(in crate::plugins::ske) fn new(
        promise: &str,
        manifest: &Manifest,
        intent: Intent,
    ) -> Result<Self, Invalid> {
        let object = manifest.object_ref();
        for (what, name) in [
            ("promiseName", promise),
            ("the name of the resource", object.name.as_str()),
        ] {
            if !is_subdomain(name) {
                return Err(Invalid(format!(
                    "{what} does not fit a repository; use lower-case letters, digits, '-' and '.', beginning and ending \
                     with a letter or digit"
                )));
            }
        }
        Ok(Self {
            promise: promise.to_owned(),
            object,
            intent,
        })
    }

    /// Whether the resource is to go.
    pub(in crate::plugins::ske) fn is_deletion(&self) -> bool {
        self.intent == Intent::Delete
    }

    /// What is asked for.
    pub(in crate::plugins::ske) fn intent(&self) -> Intent {
        self.intent
    }

    /// `backstage/<promise>/<namespace>/<name>`, with `-delete` for a deletion.
    ///
    /// # Errors
    /// Git takes no branch of that name, such as one that ends with `.lock`.
    pub(in crate::plugins::ske) fn branch(&self) -> Result<BranchName, Invalid> {
        let mut branch = format!("{BRANCHES}/{}", self.path());
        match self.intent {
            Intent::Delete => branch.push_str(DELETION),
            Intent::Request | Intent::Update if branch.ends_with(DELETION) => branch.push(NOT_A_DELETION),
            Intent::Request | Intent::Update => {}
        }
        BranchName::parse(&branch).map_err(|_| {
            Invalid(format!(
                "Git takes no branch of the name '{branch}'; name the resource otherwise"
            ))
        })
    }

    /// `kratix-requests/<promise>/<namespace>/<name>.yaml`
    pub(in crate::plugins::ske) fn file(&self) -> String {
        file_of(&self.promise, &self.object)
    }

    /// The commit's message, with who asked for it, in a form fit for a trailer.
    pub(in crate::plugins::ske) fn message(&self, requested_by: &str) -> String {
        let verb = if self.is_deletion() { "delete" } else { "configure" };
        format!("chore: {verb} {}\n\nRequested-by: {requested_by}\n", self.object)
    }

    /// The title that was given, or one of ours.
    ///
    /// # Errors
    /// It is too long or no single line.
    pub(in crate::plugins::ske) fn title(&self, given: Option<&str>) -> Result<String, Invalid> {
        let ours = || format!("{} {}", self.intent.word(), self.object);
        let title = given.map(str::trim).filter(|title| !title.is_empty());
        let title = title.map_or_else(ours, str::to_owned);
        if title.contains(char::is_control) {
            return Err(Invalid("title must be one line".to_owned()));
        }
        at_most("title", title, LONGEST_TITLE)
    }

    /// The description that was given, or one of ours, and who asked for it.
    ///
    /// # Errors
    /// It is too long.
    pub(in crate::plugins::ske) fn description(
        &self,
        given: Option<&str>,
        requested_by: &str,
    ) -> Result<String, Invalid> {
        let ours = || {
            format!(
                "{} of {} (Promise `{}`).",
                self.intent.word(),
                self.object,
                self.promise
            )
        };
        let text = given.map(str::trim).filter(|text| !text.is_empty());
        let text = at_most(
            "description",
            text.map_or_else(ours, str::to_owned),
            LONGEST_DESCRIPTION,
        )?;
        Ok(format!("{text}\n\nRequested in the portal by `{requested_by}`."))
    }

    fn path(&self) -> String {
        path_of(&self.promise, &self.object)
    }
}

/// `kratix-requests/<promise>/<namespace>/<name>.yaml`
pub(in crate::plugins::ske) fn file_of(promise: &str, object: &ObjectRef) -> String {
    format!("{FOLDER}/{}.yaml", path_of(promise, object))
}

fn path_of(promise: &str, object: &ObjectRef) -> String {
    format!("{promise}/{}/{}", object.namespace, object.name)
}

fn at_most(what: &str, text: String, longest: usize) -> Result<String, Invalid> {
    if text.chars().count() > longest {
        return Err(Invalid(format!(
            "{what} is longer than {longest} characters; shorten it"
        )));
    }
    Ok(text)
}

/// A DNS subdomain of RFC 1123, as Kubernetes names objects.
fn is_subdomain(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(promise: &str, name: &str, intent: Intent) -> Result<Request, Invalid> {
        let object = json!({"apiVersion": "example.org/v1", "kind": "Redis",
            "metadata": {"name": name, "namespace": "team"}});
        Request::new(promise, &Manifest::from_value(object).unwrap(), intent)
    }

    fn branch(name: &str, intent: Intent) -> String {
        request("redis", name, intent)
            .unwrap()
            .branch()
            .unwrap()
            .to_string()
    }

    #[test]
    fn branch_and_file_follow_the_conventions_with_the_namespace() {
        assert_eq!(branch("mine", Intent::Request), "backstage/redis/team/mine");
        assert_eq!(branch("mine", Intent::Update), "backstage/redis/team/mine");
        assert_eq!(branch("mine", Intent::Delete), "backstage/redis/team/mine-delete");
        let file = request("redis", "mine", Intent::Delete).unwrap().file();
        assert_eq!(file, "kratix-requests/redis/team/mine.yaml");
    }

    #[test]
    fn a_name_that_ends_like_a_deletion_shares_its_branch_with_none() {
        let all = [
            branch("mine", Intent::Delete),
            branch("mine-delete", Intent::Request),
            branch("mine-delete", Intent::Delete),
            branch("mine-delete-delete", Intent::Request),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{all:?}");
        }
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_is_refused() {
        for promise in ["", "..", "a/b", "A", "a..b", "-a", "a b", "a%2fb", "a\nb"] {
            assert!(request(promise, "mine", Intent::Request).is_err(), "{promise:?}");
        }
        for name in ["Upper", "a b", "a..b", "é"] {
            assert!(request("redis", name, Intent::Request).is_err(), "{name:?}");
        }
        assert!(
            request("redis", "a.lock", Intent::Request)
                .unwrap()
                .branch()
                .is_err()
        );
        assert!(
            request("redis", "a.lock", Intent::Delete)
                .unwrap()
                .branch()
                .is_ok()
        );
    }

    #[test]
    fn words_are_ours_unless_given_and_bounded() {
        let request = request("redis", "mine", Intent::Update).unwrap();
        assert_eq!(request.title(None).unwrap(), "Update Redis team/mine");
        assert_eq!(request.title(Some(" mine ")).unwrap(), "mine");
        assert!(request.title(Some("a\nb")).is_err() && request.title(Some(&"x".repeat(256))).is_err());
        let text = request.description(Some("why"), "user:default/jane").unwrap();
        assert_eq!(text, "why\n\nRequested in the portal by `user:default/jane`.");
        assert!(request.description(Some(&"x".repeat(60_001)), "x").is_err());
        assert_eq!(
            request.message("user:default/jane"),
            "chore: configure Redis team/mine\n\nRequested-by: user:default/jane\n"
        );
        assert!(Intent::parse("request").is_err() && Intent::parse("Delete") == Ok(Intent::Delete));
    }
}
