//! Each rule of `ske.scm`.

use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::{scm::*, testing};
use crate::{
    config::{ConfigReader, Problems},
    infra::git::Identity,
    plugins::ske::gitops::Layout,
};

const REPOSITORY: &str = "https://github.com/example/requests";

/// The section over one that is right: `null` takes a field away.
fn with(fields: &Json) -> Result<Scm, Vec<String>> {
    let mut scm = json!({"repoUrl": REPOSITORY, "type": "github", "token": "hunter2"});
    scm.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    whole(&json!({"ske": {"mode": "gitops", "scm": scm}}))
}

fn whole(config: &Json) -> Result<Scm, Vec<String>> {
    read(&testing::reader(config)).map(|(scm, _)| scm)
}

/// The section and what is said about it, or its problems.
fn read(reader: &ConfigReader) -> Result<(Scm, Vec<String>), Vec<String>> {
    let mut problems = Problems::default();
    match Scm::read(reader, &mut problems) {
        Some(scm) if problems.is_empty() => Ok((scm, problems.into_notices())),
        _ => Err(problems.into_errors().iter().map(ToString::to_string).collect()),
    }
}

#[track_caller]
fn refused(fields: &Json, key: &str) -> String {
    let problems = with(fields).unwrap_err();
    assert_eq!(problems.len(), 1, "{fields}: {problems:?}");
    assert!(
        problems[0].contains(&format!("'{key}'")),
        "{fields}: {problems:?}"
    );
    assert!(!problems[0].contains("hunter2"), "{problems:?}");
    problems.concat()
}

fn user(scm: &Scm) -> (&str, &str) {
    match &scm.login {
        Login::Given(login) => (&login.username, login.password.expose_secret()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let scm = with(&json!({})).unwrap();
    assert_eq!(scm.remote.as_str(), REPOSITORY);
    assert_eq!(
        (scm.branch.as_str(), scm.path.as_str(), scm.layout),
        ("main", "", Layout::Flat)
    );
    assert_eq!(scm.author, Identity::new("SKE", "ske@backstage.io").unwrap());
}

#[test]
fn the_address_is_required_and_https_or_this_machine() {
    for url in [
        "https://git.example.com/a/b.git",
        "http://127.0.0.1:8080/a.git",
        "http://localhost/a",
    ] {
        assert!(with(&json!({ "repoUrl": url })).is_ok(), "{url}");
    }
    for url in [
        json!(null),
        json!("github.com/a/b"),
        json!("http://github.com/a/b"),
        json!("ssh://git@github.com/a/b"),
        json!("git@github.com:a/b.git"),
        json!("https://hunter2@github.com/a/b"),
        json!("https://github.com"),
        json!("https://github.com/a/b?ref=x"),
    ] {
        refused(&json!({ "repoUrl": url }), "ske.scm.repoUrl");
    }
}

#[test]
fn the_user_name_is_given_or_follows_from_the_type() {
    for (fields, name) in [
        (json!({}), "x-access-token"),
        (json!({"type": "gitlab"}), "oauth2"),
        (json!({"type": "gitlab", "username": "robot"}), "robot"),
        (json!({"type": null, "username": "robot"}), "robot"),
    ] {
        assert_eq!(user(&with(&fields).unwrap()), (name, "hunter2"), "{fields}");
    }
    let problem = refused(&json!({"type": null}), "ske.scm.type");
    assert!(problem.contains("ske.scm.username"), "{problem}");
    refused(&json!({"type": "gitea"}), "ske.scm.type");
    refused(&json!({"username": "a:b"}), "ske.scm.username");
}

#[test]
fn without_a_token_an_integration_of_the_same_host_is_used() {
    let with_entries = |url: &str, entries: Json| {
        whole(&json!({"ske": {"scm": {"repoUrl": url}}, "integrations": {"github": entries}}))
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let app = json!([{"appId": 1, "privateKey": key.serialize_pem()}]);
    for (url, entry, host) in [
        (REPOSITORY, json!({ "apps": app }), "github.com"),
        (
            REPOSITORY,
            json!({"host": "GitHub.com", "token": "t"}),
            "github.com",
        ),
        (
            "https://ghe.example.com:8443/a/b",
            json!({"host": "ghe.example.com:8443", "apps": app}),
            "ghe.example.com:8443",
        ),
    ] {
        let scm = with_entries(url, json!([{"host": "other"}, entry])).unwrap();
        assert!(
            matches!(&scm.login, Login::Integration(used) if used.host == host),
            "{scm:?}"
        );
    }
    for (url, entry) in [
        (REPOSITORY, json!({"host": "github.com"})),
        (REPOSITORY, json!({"host": "ghe.example.com", "token": "t"})),
        (
            "https://github.com.example.com/a/b",
            json!({"host": "github.com", "token": "t"}),
        ),
    ] {
        let problems = with_entries(url, json!([entry])).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].contains("'ske.scm.token'"),
            "{problems:?}"
        );
    }
}

#[test]
fn no_credential_at_all_is_for_this_machine_alone() {
    let scm = with(&json!({"repoUrl": "http://127.0.0.1:1/a", "token": null})).unwrap();
    assert!(matches!(scm.login, Login::Nobody));
    let problem = refused(&json!({"token": null}), "ske.scm.token");
    assert!(
        problem.contains("integrations.github for github.com"),
        "{problem}"
    );
    let problem = refused(&json!({"token": null, "type": "gitlab"}), "ske.scm.token");
    assert!(!problem.contains("integrations"), "{problem}");
}

#[tokio::test]
async fn a_token_whose_variable_is_missing_is_named_with_what_is_done_instead() {
    let yaml = "ske: {scm: {repoUrl: 'https://github.com/a/b', token: '${SKE_TOKEN}'}}\n";
    let alone = read(&testing::loaded(yaml, &[]).await).unwrap_err();
    assert!(alone[0].to_string().contains("SKE_TOKEN"), "{alone:?}");
    let beside = format!("{yaml}integrations: {{github: [{{host: github.com, token: t}}]}}\n");
    let (_, notices) = read(&testing::loaded(&beside, &[]).await).unwrap();
    assert!(
        notices.len() == 1 && notices[0].contains("SKE_TOKEN") && notices[0].contains("integrations.github"),
        "{:?}",
        notices
    );
}

#[test]
fn a_path_is_a_folder_in_the_repository() {
    for (path, folder) in [
        ("", ""),
        ("/", ""),
        ("/requests/", "requests"),
        ("a/b", "a/b"),
        (".", ""),
    ] {
        assert_eq!(
            with(&json!({ "path": path })).unwrap().path.as_str(),
            folder,
            "{path}"
        );
    }
    for path in [
        json!(".."),
        json!("a/../b"),
        json!("a//b"),
        json!(".git/hooks"),
        json!("a\\b"),
        json!(7),
    ] {
        refused(&json!({ "path": path }), "ske.scm.path");
    }
}

#[test]
fn a_branch_has_a_name_git_accepts() {
    assert_eq!(
        with(&json!({"branch": "team/a"})).unwrap().branch.as_str(),
        "team/a"
    );
    for branch in ["a..b", "-a", "a b", "a~1", "a.lock", "refs/heads/main", ""] {
        refused(&json!({ "branch": branch }), "ske.scm.branch");
    }
}

#[test]
fn an_author_is_one_git_can_record() {
    let scm = with(&json!({"defaultAuthor": {"name": "Größe", "email": "a@b"}})).unwrap();
    assert_eq!(scm.author, Identity::new("Größe", "a@b").unwrap());
    refused(
        &json!({"defaultAuthor": {"name": "a <b>"}}),
        "ske.scm.defaultAuthor.name",
    );
    refused(
        &json!({"defaultAuthor": {"email": "a\nb"}}),
        "ske.scm.defaultAuthor.email",
    );
    refused(
        &json!({"defaultAuthor": {"email": " "}}),
        "ske.scm.defaultAuthor.email",
    );
}

#[test]
fn the_layout_is_flat_or_nested() {
    let layout = |word: &str| {
        let scm = json!({"repoUrl": REPOSITORY, "type": "github", "token": "t"});
        whole(&json!({"ske": {"scm": scm}, "stagedoor": {"ske": {"layout": word}}}))
    };
    assert_eq!(layout("nested").unwrap().layout, Layout::Nested);
    assert_eq!(layout("flat").unwrap().layout, Layout::Flat);
    let problems = layout("deep").unwrap_err();
    assert!(
        problems.len() == 1 && problems[0].contains("'stagedoor.ske.layout'"),
        "{problems:?}"
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let problems =
        with(&json!({"repoUrl": "x", "branch": "a b", "path": "..", "type": "x", "username": "a:b"}));
    assert_eq!(problems.unwrap_err().len(), 5);
    assert_eq!(whole(&json!({"ske": {}})).unwrap_err().len(), 1);
}
