//! The credential is nowhere but in the conversation with its server.

use std::{fs, path::Path};

use stagedoor::infra::git::{GitError, RemoteUrl};

use crate::support::{
    git::{
        server::{Fault, PASSWORD, Step},
        workshop::{Workshop, committed, password, put, write},
    },
    log::Remembered,
};

/// Whether any file below the folder holds the text, or the text as basic authentication writes it.
fn holds(folder: &Path, texts: &[String]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, texts);
        }
        let content = fs::read(path).unwrap();
        let has = |text: &String| content.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        texts.iter().any(has)
    })
}

fn spellings() -> Vec<String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    vec![PASSWORD.to_owned(), STANDARD.encode(format!("robot:{PASSWORD}"))]
}

#[tokio::test]
async fn the_credential_is_in_no_file_no_error_and_no_log_line() {
    let (log, guard) = Remembered::listen();
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    repository.tip().await.unwrap();
    // A server that repeats the credential in its refusal.
    workshop
        .remote
        .hook("update", &format!("echo 'who is {PASSWORD}' >&2; exit 1"));
    let refused = write(&repository, put("b", "b")).await.unwrap_err();
    workshop.server.fail_next(Step::Push, Fault::Status(403));
    let forbidden = write(&repository, put("b", "b")).await.unwrap_err();
    workshop.server.set_password("changed");
    let wrong = repository.tip().await.unwrap_err();
    drop(guard);
    let spellings = spellings();
    for error in [&refused, &forbidden, &wrong] {
        let shown = format!("{error} {error:?}");
        assert!(spellings.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
    assert!(
        refused.to_string().contains("***"),
        "the server's words came through: {refused}"
    );
    assert!(spellings.iter().all(|secret| !log.text().contains(secret)));
    assert!(!holds(workshop.data.path(), &spellings));
    assert!(
        holds(workshop.data.path(), &["[core]".to_owned()]),
        "the search itself can find"
    );
    let settings = format!("{repository:?}");
    assert!(spellings.iter().all(|secret| !settings.contains(secret)));
}

#[tokio::test]
async fn the_copy_does_not_know_the_remote_and_follows_no_redirects() {
    let workshop = Workshop::new().await;
    workshop.repository().tip().await.unwrap();
    assert!(!holds(workshop.data.path(), &[workshop.server.url("state.git")]));
    assert!(holds(
        workshop.data.path(),
        &["followRedirects = false".to_owned()]
    ));
}

#[tokio::test]
async fn an_address_with_a_credential_in_it_is_never_used() {
    let workshop = Workshop::new().await;
    let url = workshop
        .server
        .url("state.git")
        .replace("http://", "http://robot:secret@");
    assert!(RemoteUrl::parse(&url).is_err());
}

#[tokio::test]
async fn a_refused_credential_is_not_offered_over_and_over() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.credentials = password("wrong"));
    let error = repository.tip().await.unwrap_err();
    assert!(matches!(error, GitError::CredentialsRefused { .. }), "{error}");
    assert_eq!(
        workshop.server.count(Step::FetchLook),
        2,
        "once, and once more after asking for a new one"
    );
}
