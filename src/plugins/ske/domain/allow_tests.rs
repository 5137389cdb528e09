//! What the rules let through, and what a refusal says.

use super::allow::*;

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
        promises: Promises::Installed,
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
