//! What may be touched at all, before anybody asks the cluster.

use super::object_ref::ObjectRef;

/// The API group of Kratix's own kinds.
pub(super) const KRATIX: &str = "platform.kratix.io";

/// Groups, with all below them, whose kinds give power over the platform itself: a Promise does not open them.
const RESERVED: [&str; 10] = [
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "extensions",
    "k8s.io",
    "kubernetes.io",
    KRATIX,
    "fluxcd.io",
    "argoproj.io",
];

/// A rule's `group` or entry of `kinds` that stands for all.
const ALL: &str = "*";

/// How far one rule opens; `Write` includes `Read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plugins::ske) enum Access {
    /// Only reading.
    Read,
    /// Reading, creating, updating and deleting.
    Write,
}

/// One entry of `stagedoor.ske.allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct AllowRule {
    /// The API group; empty for the core group, `*` for every group.
    pub(in crate::plugins::ske) group: String,
    /// The kinds; `*` for every kind except `Secret`.
    pub(in crate::plugins::ske) kinds: Vec<String>,
    /// How far.
    pub(in crate::plugins::ske) access: Access,
}

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Operation {
    /// Reading.
    Read,
    /// Creating or updating.
    Write,
    /// Deleting.
    Delete,
}

/// What is about to be touched, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Touched<'a> {
    /// The API group; empty for the core group.
    pub(in crate::plugins::ske) group: &'a str,
    /// The kind, as discovery spells it.
    pub(in crate::plugins::ske) kind: &'a str,
    /// What is done.
    pub(in crate::plugins::ske) operation: Operation,
}

/// Why something may not be touched, in a sentence that names the key to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::plugins::ske) struct NotAllowed(pub(super) String);

/// Decides what may be touched.
///
/// A configured list is all there is: it replaces the default instead of adding to it. Without a list, a cluster that
/// judges the user itself decides alone; else only kinds offered by Promises may be touched, and Promises read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Allow<'a> {
    /// `stagedoor.ske.allow`.
    pub(in crate::plugins::ske) rules: Option<&'a [AllowRule]>,
    /// `stagedoor.ske.deletePromises`.
    pub(in crate::plugins::ske) delete_promises: bool,
    /// Whether the API server judges the portal's user (OIDC, impersonation) and not our account, and no tool applies
    /// what is written with rights of its own.
    pub(in crate::plugins::ske) judged: bool,
    /// Whose offers count.
    pub(in crate::plugins::ske) promises: Promises,
}

/// The Promises whose kinds may be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Promises {
    /// Those of the cluster.
    Installed,
    /// Those that lie in the repository.
    Committed,
}

impl Allow<'_> {
    /// Whether `decide` will ask if an installed Promise offers the kind.
    pub(in crate::plugins::ske) fn needs_offered(&self, touched: Touched<'_>) -> bool {
        self.rules.is_none() && !self.judged && touched.may_be_offered()
    }

    /// Decides one touch. `offered` says whether an installed Promise offers the group and kind; it is asked only
    /// when `needs_offered`.
    ///
    /// # Errors
    /// The touch is refused, and which key would allow it.
    pub(in crate::plugins::ske) fn decide(
        &self,
        touched: Touched<'_>,
        offered: impl FnOnce(&str, &str) -> bool,
    ) -> Result<(), NotAllowed> {
        if touched.deletes_promise() && !self.delete_promises {
            return Err(keep_promises());
        }
        match &self.rules {
            Some(rules) if rules.iter().any(|rule| rule.allows(touched)) => Ok(()),
            Some(_) => Err(touched.not_listed()),
            None if self.judged || touched.is_open_by_default(offered) => Ok(()),
            None => Err(touched.not_default(self.promises)),
        }
    }
}

impl AllowRule {
    fn allows(&self, touched: Touched<'_>) -> bool {
        let group = self.group == ALL || self.group == touched.group;
        let all = self.kinds.iter().any(|kind| kind == ALL) && !touched.is_secret();
        let kind = all || self.kinds.iter().any(|kind| kind == touched.kind);
        group && kind && self.access >= touched.needs()
    }
}

impl Touched<'_> {
    fn needs(self) -> Access {
        match self.operation {
            Operation::Read => Access::Read,
            Operation::Write | Operation::Delete => Access::Write,
        }
    }

    fn deletes_promise(self) -> bool {
        self.is_promise() && self.operation == Operation::Delete
    }

    fn is_promise(self) -> bool {
        self.group == KRATIX && self.kind == "Promise"
    }

    /// However it is spelt: whether a spelling is served is for the cluster to say, and not to be relied on.
    fn is_secret(self) -> bool {
        self.group.is_empty() && self.kind.eq_ignore_ascii_case("Secret")
    }

    fn is_open_by_default(self, offered: impl FnOnce(&str, &str) -> bool) -> bool {
        if self.group == KRATIX {
            // Deleting comes this far only when stagedoor.ske.deletePromises has switched it on.
            return self.is_promise() && self.operation != Operation::Write;
        }
        self.may_be_offered() && offered(self.group, self.kind)
    }

    /// A Promise offers kinds of groups of its own: whatever it claims, never those of the core and of the other
    /// groups that Kubernetes, Kratix and the GitOps tools have for themselves.
    pub(in crate::plugins::ske) fn may_be_offered(self) -> bool {
        let below = |domain: &str| {
            let rest = self.group.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        !self.group.is_empty() && !RESERVED.iter().any(|domain| below(domain))
    }

    fn not_listed(self) -> NotAllowed {
        NotAllowed(format!(
            "stagedoor.ske.allow has no rule that lets {}; add {} to it if it should be possible",
            self.sentence(),
            self.rule()
        ))
    }

    fn not_default(self, promises: Promises) -> NotAllowed {
        let place = match promises {
            Promises::Installed => "",
            Promises::Committed => " in Git",
        };
        NotAllowed(format!(
            "Nothing lets {}: no Promise{place} offers it. List what may be touched in stagedoor.ske.allow as {}",
            self.sentence(),
            self.rule()
        ))
    }

    /// What is refused, such as `anybody delete ConfigMap of the core group`.
    fn sentence(self) -> String {
        let operation = match self.operation {
            Operation::Read => "read",
            Operation::Write => "create or update",
            Operation::Delete => "delete",
        };
        match self.group {
            "" => format!("anybody {operation} {} of the core group", self.kind),
            group => format!("anybody {operation} {} of {group}", self.kind),
        }
    }

    fn rule(self) -> String {
        let access = match self.needs() {
            Access::Read => "read",
            Access::Write => "write",
        };
        let group = if self.group.is_empty() { "core" } else { self.group };
        format!("{{group: {group}, kinds: [{}], access: {access}}}", self.kind)
    }
}

fn keep_promises() -> NotAllowed {
    NotAllowed(
        "Promises may not be deleted through Stagedoor, because all requests made of a Promise are deleted with it; \
         set stagedoor.ske.deletePromises to true to allow it"
            .to_owned(),
    )
}

impl ObjectRef {
    /// The object on its way past the rules.
    pub(in crate::plugins::ske) fn touched(&self, operation: Operation) -> Touched<'_> {
        Touched {
            group: self.api_version.group(),
            kind: self.kind.as_str(),
            operation,
        }
    }
}
