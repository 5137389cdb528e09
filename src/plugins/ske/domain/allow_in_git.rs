//! What may be written to a repository that a platform applies with rights of its own.

use super::allow::{Allow, NotAllowed, Touched};

/// Groups whose objects run workloads, grant rights or steer the platform itself; whoever may write them through the
/// repository owns the cluster. The core group and `*.k8s.io` as well.
const CLOSED: [&str; 5] = ["apps", "batch", "platform.kratix.io", "fluxcd.io", "argoproj.io"];

/// Groups of which every group below is closed.
const CLOSED_BELOW: [&str; 2] = [".k8s.io", ".fluxcd.io"];

/// The group whose writes the API server itself looks at more closely than its answer to "may I" tells: nobody may give
/// rights he has not (Kubernetes, "Privilege escalation prevention"). Whoever applies the repository may.
const RIGHTS: &str = "rbac.authorization.k8s.io";

impl Allow<'_> {
    /// Decides one touch that the cluster was asked about and the repository brings about.
    ///
    /// # Errors
    /// It gives rights, which only a configured list opens.
    pub(in crate::plugins::ske) fn decide_beside_cluster(
        &self,
        touched: Touched<'_>,
    ) -> Result<(), NotAllowed> {
        if self.rules.is_some() || !touched.group.eq_ignore_ascii_case(RIGHTS) {
            return Ok(());
        }
        Err(NotAllowed(format!(
            "Nothing lets {}: applied from the repository it could give rights you do not have. List what may be \
             touched in stagedoor.ske.allow as {}",
            touched.sentence(),
            touched.rule()
        )))
    }

    /// Decides one touch where objects live in a repository alone and nobody can be asked which kinds there are.
    ///
    /// A configured list is all there is. Without one, everything is open but the closed groups; Promises may be read.
    ///
    /// # Errors
    /// The touch is refused, and which key would allow it.
    pub(in crate::plugins::ske) fn decide_in_git(&self, touched: Touched<'_>) -> Result<(), NotAllowed> {
        // Nobody judges the person at whose wish a file changes.
        let unjudged = Self {
            judged: false,
            ..*self
        };
        let decision = unjudged.decide(touched, |group, _| is_open(group));
        if self.rules.is_some() || decision.is_ok() || touched.deletes_promise() {
            return decision;
        }
        Err(NotAllowed(format!(
            "Nothing lets {}: its group is closed. List what may be touched in stagedoor.ske.allow as {}",
            touched.sentence(),
            touched.rule()
        )))
    }
}

fn is_open(group: &str) -> bool {
    let group = group.to_ascii_lowercase();
    !group.is_empty()
        && !CLOSED.contains(&group.as_str())
        && group != "k8s.io"
        && !CLOSED_BELOW.iter().any(|below| group.ends_with(below))
}

#[cfg(test)]
mod tests {
    use super::{
        super::allow::{Access, AllowRule, Operation},
        *,
    };

    const ALL: [Operation; 3] = [Operation::Read, Operation::Write, Operation::Delete];

    fn allow(rules: Option<Vec<AllowRule>>) -> Allow<'static> {
        Allow {
            rules: rules.map(|rules| &*rules.leak()),
            delete_promises: false,
            judged: false,
        }
    }

    fn decide(allow: &Allow<'_>, group: &str, kind: &str, operation: Operation) -> Result<(), String> {
        let touched = Touched {
            group,
            kind,
            operation,
        };
        allow
            .decide_in_git(touched)
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn by_default_everything_is_open_but_what_owns_the_platform() {
        for group in [
            "example.com",
            "marketplace.kratix.io",
            "k8s.io.example.com",
            "cluster.x-k8s.io",
            "myapps",
        ] {
            for operation in ALL {
                assert_eq!(decide(&allow(None), group, "Redis", operation), Ok(()), "{group}");
            }
        }
        for group in [
            "",
            "apps",
            "batch",
            "platform.kratix.io",
            "rbac.authorization.k8s.io",
            "networking.k8s.io",
            "k8s.io",
            "kustomize.toolkit.fluxcd.io",
            "fluxcd.io",
            "argoproj.io",
            "Apps",
        ] {
            for operation in ALL {
                let problem = decide(&allow(None), group, "Thing", operation).unwrap_err();
                assert!(
                    problem.contains("stagedoor.ske.allow") && problem.contains("closed"),
                    "{problem}"
                );
            }
        }
    }

    #[test]
    fn promises_may_be_read_and_deleted_only_with_the_switch() {
        let decide = |allow: &Allow<'_>, operation| decide(allow, "platform.kratix.io", "Promise", operation);
        let mut closed = allow(None);
        assert_eq!(decide(&closed, Operation::Read), Ok(()));
        assert!(
            decide(&closed, Operation::Write)
                .unwrap_err()
                .contains("platform.kratix.io")
        );
        let problem = decide(&closed, Operation::Delete).unwrap_err();
        assert!(problem.contains("stagedoor.ske.deletePromises"), "{problem}");
        closed.delete_promises = true;
        assert_eq!(decide(&closed, Operation::Delete), Ok(()));
    }

    #[test]
    fn a_list_replaces_the_default_and_secrets_must_be_named() {
        let rule = |group: &str, kinds: &[&str]| AllowRule {
            group: group.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            access: Access::Write,
        };
        let everything = allow(Some(vec![rule("*", &["*"])]));
        assert_eq!(
            decide(&everything, "apps", "Deployment", Operation::Write),
            Ok(())
        );
        for kind in ["Secret", "secret"] {
            assert!(decide(&everything, "", kind, Operation::Read).is_err());
        }
        let named = allow(Some(vec![rule("", &["Secret"])]));
        assert_eq!(decide(&named, "", "Secret", Operation::Write), Ok(()));
        let problem = decide(&named, "example.com", "Redis", Operation::Read).unwrap_err();
        assert!(problem.contains("has no rule"), "{problem}");
    }

    #[test]
    fn objects_that_give_rights_are_closed_beside_a_cluster_that_would_look_closer() {
        let touched = |group| Touched {
            group,
            kind: "RoleBinding",
            operation: Operation::Write,
        };
        let judged = Allow {
            judged: true,
            ..allow(None)
        };
        assert_eq!(judged.decide_beside_cluster(touched("apps")), Ok(()));
        let problem = judged.decide_beside_cluster(touched(RIGHTS)).unwrap_err();
        assert!(problem.to_string().contains("stagedoor.ske.allow"), "{problem}");
        assert_eq!(
            allow(Some(Vec::new())).decide_beside_cluster(touched(RIGHTS)),
            Ok(())
        );
    }

    #[test]
    fn who_judges_in_the_cluster_opens_nothing_in_git() {
        let judged = Allow {
            judged: true,
            ..allow(None)
        };
        assert!(decide(&judged, "", "ConfigMap", Operation::Write).is_err());
    }
}
