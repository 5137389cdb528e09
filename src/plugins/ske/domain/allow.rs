//! What may be touched at all, before anybody asks the cluster.

/// The API group of Kratix's own kinds.
const KRATIX: &str = "platform.kratix.io";

/// Groups, with all below them, whose kinds give power over the platform itself.
const RESERVED: [&str; 9] = [
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "extensions",
    "k8s.io",
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
/// judges the user itself decides alone; else only kinds offered by installed Promises may be touched, and Promises
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Allow<'a> {
    /// `stagedoor.ske.allow`.
    pub(in crate::plugins::ske) rules: Option<&'a [AllowRule]>,
    /// `stagedoor.ske.deletePromises`.
    pub(in crate::plugins::ske) delete_promises: bool,
    /// Whether the API server judges the portal's user (OIDC, impersonation) and not our account.
    pub(in crate::plugins::ske) judged: bool,
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
            None => Err(touched.not_default()),
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

    pub(super) fn deletes_promise(self) -> bool {
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

    fn not_default(self) -> NotAllowed {
        NotAllowed(format!(
            "Nothing lets {}: no Promise offers it. List what may be touched in stagedoor.ske.allow as {}",
            self.sentence(),
            self.rule()
        ))
    }

    /// What is refused, such as `anybody delete ConfigMap of the core group`.
    pub(super) fn sentence(self) -> String {
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

    pub(super) fn rule(self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: (&str, &str) = ("marketplace.example.com", "Database");
    const PROMISE: (&str, &str) = (KRATIX, "Promise");
    const SECRET: (&str, &str) = ("", "Secret");
    const READ: Operation = Operation::Read;
    const WRITE: Operation = Operation::Write;
    const DELETE: Operation = Operation::Delete;

    fn allow(rules: Option<Vec<AllowRule>>, judged: bool) -> Allow<'static> {
        Allow {
            rules: rules.map(|rules| &*rules.leak()),
            delete_promises: false,
            judged,
        }
    }

    fn rule(group: &str, kinds: &[&str], access: Access) -> AllowRule {
        AllowRule {
            group: group.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            access,
        }
    }

    /// Decides where an installed Promise offers databases, and claims to offer what no Promise can.
    fn decide(allow: &Allow<'_>, (group, kind): (&str, &str), operation: Operation) -> Result<(), String> {
        let offered = |group: &str, kind: &str| {
            [
                DATABASE,
                SECRET,
                ("", "ConfigMap"),
                (KRATIX, "Destination"),
                PROMISE,
                ("apps", "Deployment"),
                ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
                ("kustomize.toolkit.fluxcd.io", "Kustomization"),
                ("argoproj.io", "Application"),
                ("myk8s.io", "Database"),
            ]
            .contains(&(group, kind))
        };
        let touched = Touched {
            group,
            kind,
            operation,
        };
        allow
            .decide(touched, offered)
            .map_err(|problem| problem.to_string())
    }

    fn needs_offered(allow: &Allow<'_>, (group, kind): (&str, &str)) -> bool {
        allow.needs_offered(Touched {
            group,
            kind,
            operation: READ,
        })
    }

    #[track_caller]
    fn allowed(allow: &Allow<'_>, what: (&str, &str), operations: &[Operation]) {
        for operation in [READ, WRITE, DELETE] {
            let decision = decide(allow, what, operation);
            assert_eq!(
                decision.is_ok(),
                operations.contains(&operation),
                "{what:?} {operation:?}: {decision:?}"
            );
        }
    }

    #[test]
    fn by_default_only_offered_kinds_may_be_touched_and_promises_read() {
        let closed = allow(None, false);
        assert!(needs_offered(&closed, DATABASE));
        for what in [SECRET, PROMISE, (KRATIX, "Work")] {
            assert!(!needs_offered(&closed, what), "{what:?}");
        }
        allowed(&closed, DATABASE, &[READ, WRITE, DELETE]);
        allowed(&closed, PROMISE, &[READ]);
        for what in [
            SECRET,
            ("", "ConfigMap"),
            ("marketplace.example.com", "Other"),
            ("other.example.com", "Database"),
            (KRATIX, "Destination"),
            (KRATIX, "Work"),
            ("other.example.com", "Promise"),
            ("apps", "Deployment"),
            ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
            ("kustomize.toolkit.fluxcd.io", "Kustomization"),
            ("argoproj.io", "Application"),
        ] {
            allowed(&closed, what, &[]);
        }
        allowed(&closed, ("myk8s.io", "Database"), &[READ, WRITE, DELETE]);
    }

    #[test]
    fn a_list_replaces_the_default() {
        let listed = allow(Some(vec![rule("apps", &["Deployment"], Access::Write)]), false);
        assert!(!needs_offered(&listed, DATABASE));
        allowed(&listed, ("apps", "Deployment"), &[READ, WRITE, DELETE]);
        allowed(&listed, DATABASE, &[]);
        allowed(&listed, PROMISE, &[]);
        allowed(&allow(Some(Vec::new()), false), DATABASE, &[]);
    }

    #[test]
    fn a_rule_to_read_does_not_let_write() {
        let listed = allow(Some(vec![rule("", &["ConfigMap"], Access::Read)]), false);
        allowed(&listed, ("", "ConfigMap"), &[READ]);
    }

    #[test]
    fn stars_stand_for_every_group_and_kind_but_never_for_secrets() {
        let listed = allow(Some(vec![rule("*", &["*"], Access::Write)]), false);
        allowed(&listed, ("apps", "Deployment"), &[READ, WRITE, DELETE]);
        allowed(&listed, ("", "ConfigMap"), &[READ, WRITE, DELETE]);
        allowed(&listed, PROMISE, &[READ, WRITE]);
        for spelling in ["Secret", "secret", "SECRET"] {
            allowed(&listed, ("", spelling), &[]);
        }
        allowed(&listed, ("example.com", "Secret"), &[READ, WRITE, DELETE]);
        let named = allow(Some(vec![rule("*", &["*", "Secret"], Access::Read)]), false);
        allowed(&named, SECRET, &[READ]);
    }

    #[test]
    fn where_the_cluster_judges_the_list_is_optional_and_restricts_only_when_given() {
        let judged = allow(None, true);
        assert!(!needs_offered(&judged, DATABASE));
        allowed(&judged, SECRET, &[READ, WRITE, DELETE]);
        allowed(&judged, PROMISE, &[READ, WRITE]);
        let listed = allow(Some(vec![rule("", &["ConfigMap"], Access::Write)]), true);
        allowed(&listed, ("", "ConfigMap"), &[READ, WRITE, DELETE]);
        allowed(&listed, SECRET, &[]);
        allowed(&listed, DATABASE, &[]);
    }

    #[test]
    fn deleting_a_promise_needs_the_switch_in_every_case() {
        for rules in [None, Some(vec![rule(KRATIX, &["Promise"], Access::Write)])] {
            for judged in [false, true] {
                let mut allow = allow(rules.clone(), judged);
                let problem = decide(&allow, PROMISE, DELETE).unwrap_err();
                assert!(problem.contains("stagedoor.ske.deletePromises"), "{problem}");
                allow.delete_promises = true;
                assert_eq!(decide(&allow, PROMISE, DELETE), Ok(()));
            }
        }
    }

    #[test]
    fn the_switch_to_delete_promises_neither_lets_write_them_nor_overrules_a_list() {
        let mut closed = allow(None, false);
        closed.delete_promises = true;
        allowed(&closed, PROMISE, &[READ, DELETE]);
        let mut listed = allow(Some(vec![rule(KRATIX, &["Promise"], Access::Read)]), false);
        listed.delete_promises = true;
        allowed(&listed, PROMISE, &[READ]);
    }

    #[test]
    fn a_refusal_says_what_and_shows_the_rule_that_would_allow_it() {
        for rules in [None, Some(Vec::new())] {
            let problem = decide(&allow(rules, false), ("", "ConfigMap"), DELETE).unwrap_err();
            assert!(problem.contains("stagedoor.ske.allow"), "{problem}");
            assert!(
                problem.contains("delete ConfigMap of the core group"),
                "{problem}"
            );
            assert!(
                problem.contains("{group: core, kinds: [ConfigMap], access: write}"),
                "{problem}"
            );
        }
    }
}
