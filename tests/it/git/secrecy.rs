//! The credential is nowhere but in the conversation with its server.

use std::{fs, path::Path, time::Duration};

use stagedoor::infra::git::{GitError, RemoteUrl};

use crate::support::git::{
    child::Order,
    server::{Fault, PASSWORD, Step},
    workshop::{Workshop, committed, password, put, write},
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

/// What the process does whose every line is read: whichever thread logs, one subscriber hears it.
#[allow(
    clippy::print_stdout,
    reason = "the test that started this process reads what it prints"
)]
async fn talk_much(order: Order) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false);
    subscriber.with_writer(std::io::stdout).init();
    let repository = order.repository();
    println!("{repository:?}");
    committed(write(&repository, put("a", "a")).await);
    for (name, what) in [("b", "REFUSED"), ("b", "FORBIDDEN")] {
        let error = write(&repository, put(name, "b")).await.unwrap_err();
        println!("{what} {error} {error:?}");
    }
    let error = repository.tip().await.unwrap_err();
    println!("WRONG {error} {error:?}");
    let mut told = false;
    let read = repository.read(move |_| match std::mem::replace(&mut told, true) {
        true => Ok(()),
        false => Err(GitError::Mirror {
            reason: "a test says so".to_owned(),
        }),
    });
    read.await.unwrap();
    println!("DONE");
}

#[tokio::test]
async fn the_credential_is_in_no_file_no_error_and_no_log_line() {
    const THIS: &str = "git::secrecy::the_credential_is_in_no_file_no_error_and_no_log_line";
    if let Some(order) = Order::received() {
        return talk_much(order).await;
    }
    let workshop = Workshop::new().await;
    // A server that repeats the credential in its refusal, and one that takes it no more.
    let refuses = format!(
        "test -z \"$(git log --format= --name-only $3 -1 | grep b)\" || {{ echo 'who is {PASSWORD}' >&2; exit 1; }}"
    );
    workshop.remote.hook("update", &refuses);
    let fault = |step, fault| workshop.server.fail_next(step, fault);
    fault(Step::Push, Fault::Slow(Duration::ZERO));
    fault(Step::Push, Fault::Slow(Duration::ZERO));
    fault(Step::Push, Fault::Status(403));
    let order = Order::new(&workshop, &workshop.server.url("state.git"), "talk");
    // The first look is that of the first write, whose copy is still empty.
    fault(Step::FetchLook, Fault::Slow(Duration::ZERO));
    for _ in 0..2 {
        fault(Step::FetchLook, Fault::Status(401));
    }
    let said = order.said(THIS, &[]).await;
    assert!(said.contains("DONE"), "{said}");
    assert!(
        said.contains("is made anew"),
        "the log of other threads is heard: {said}"
    );
    let line = |what: &str| {
        said.lines()
            .find(|line| line.starts_with(what))
            .unwrap()
            .to_owned()
    };
    assert!(
        line("REFUSED").contains("***"),
        "the server's words came through: {said}"
    );
    assert!(line("FORBIDDEN").contains("NotPermitted"), "{said}");
    assert!(line("WRONG").contains("CredentialsRefused"), "{said}");
    let spellings = spellings();
    assert!(spellings.iter().all(|secret| !said.contains(secret)), "{said}");
    assert!(!holds(workshop.data.path(), &spellings));
    assert!(
        holds(workshop.data.path(), &["[core]".to_owned()]),
        "the search itself can find"
    );
}

#[tokio::test]
async fn the_copy_does_not_know_the_remote() {
    let workshop = Workshop::new().await;
    workshop.repository().tip().await.unwrap();
    assert!(!holds(workshop.data.path(), &[workshop.server.url("state.git")]));
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
