//! What the scaffolder's task page still shows of our longer sentences: what happened, and what to do about it.

use std::sync::Arc;

use super::{
    domain::{Allow, ObjectRef, Operation, Promises, Touched},
    error::SkeError,
};
use crate::{
    backstage::{actions::phrase, error::BackstageError},
    infra::database::DatabaseError,
};

/// No caller is judged and nothing is listed.
const CLOSED: Allow<'static> = Allow {
    rules: None,
    delete_promises: false,
    judged: false,
    promises: Promises::Installed,
};

const IN_GIT: Allow<'static> = Allow {
    promises: Promises::Committed,
    ..CLOSED
};

fn touched(group: &'static str, kind: &'static str) -> Touched<'static> {
    Touched {
        group,
        kind,
        operation: Operation::Write,
    }
}

/// The reason phrase of an action that fails so.
fn shown(error: SkeError) -> String {
    phrase(BackstageError::from(error).message(), Some("5f3a9c1e-2b3f4"), &[])
}

#[track_caller]
fn shows(error: SkeError, begin: &str, end: &str) {
    let shown = shown(error);
    assert!(shown.starts_with(begin), "{shown}");
    assert!(shown.ends_with(&format!("{end} [5f3a9c1e-2b3f4]")), "{shown}");
}

#[test]
fn what_may_not_be_touched_is_told_with_the_rule_that_would_open_it() {
    const SECRET: &str =
        "List what may be touched in stagedoor.ske.allow as {group: core, kinds: [Secret], access: write}";
    const BINDING: &str = "List what may be touched in stagedoor.ske.allow as {group: rbac.authorization.k8s.io, kinds: \
                           [ClusterRoleBinding], access: write}";
    let binding = touched("rbac.authorization.k8s.io", "ClusterRoleBinding");
    let begin = "Nothing lets anybody create or update Secret of the core group: ";
    let refused = SkeError::from(CLOSED.decide(touched("", "Secret"), |_, _| false).unwrap_err());
    let whole = refused.to_string();
    assert_eq!(shown(refused), format!("{whole} [5f3a9c1e-2b3f4]"));
    assert!(whole.starts_with(begin) && whole.ends_with(SECRET), "{whole}");
    let in_git = IN_GIT.decide(touched("", "Secret"), |_, _| false);
    shows(in_git.unwrap_err().into(), begin, SECRET);
    for refused in [
        CLOSED.decide(binding, |_, _| false),
        IN_GIT.decide(binding, |_, _| false),
    ] {
        let begin = "Nothing lets anybody create or update Cluster";
        shows(refused.unwrap_err().into(), begin, BINDING);
    }
}

#[test]
fn a_kind_that_is_not_served_is_told_with_what_to_check() {
    let of = |api_version: &str, kind: &str| SkeError::NotServed {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    };
    let usual = of("marketplace.example.org/v1", "Cache");
    assert_eq!(shown(usual.clone()), format!("{usual} [5f3a9c1e-2b3f4]"));
    let long = of(&format!("{}.example.org/v1alpha1", "x".repeat(60)), "Cache");
    let end = "; check the spelling (of an entity: kratix.io/group, version and kind), and that the Promise is installed";
    shows(long, "The platform does not serve kind 'Cache' in ", end);
}

#[test]
fn every_other_long_sentence_ends_with_what_to_do_as_well() {
    let object =
        || ObjectRef::parse("marketplace.example.org/v1", "Database", Some("team"), "orders").unwrap();
    let away = DatabaseError::Unreachable(Arc::new(sqlx::Error::PoolClosed));
    let forbidden = "promises.platform.kratix.io is forbidden: User \"system:serviceaccount:stagedoor:stagedoor\" cannot \
                     list resource \"promises\" in API group \"platform.kratix.io\" at the cluster scope";
    for (error, begin, end) in [
        (
            SkeError::UnknownOffer(forbidden.to_owned()),
            "Which kinds Promises offer is not known, so nothing may be touched: ",
            "Let Stagedoor's account (serviceAccountToken) list promises, or name what may be touched in stagedoor.ske.allow",
        ),
        (
            SkeError::OnlyOnPlatform(object()),
            "Database team/orders exists on the platform but not in the repository. If it has just been",
            "; else it came from elsewhere and has to go there",
        ),
        (
            SkeError::NotPermitted {
                verb: "update",
                object: object(),
            },
            "The platform does not let you update Database team/orders, so nothing was committed",
            "; ask for the right to update this kind of object",
        ),
        (
            SkeError::NotRecorded(away),
            "The resource was submitted and need not be submitted again, only its record is missing: ",
            "; check backend.database.connection, the network, and that PostgreSQL runs there",
        ),
    ] {
        shows(error, begin, end);
    }
}
