//! What a server refuses, and in which words that reaches a person.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::future::{BoxFuture, join_all};
use secrecy::SecretString;
use stagedoor::infra::git::{CredentialSource, Credentials, FixedCredentials, GitError, RemoteUrl};

use crate::support::git::{
    server::{Fault, GitServer, PASSWORD, Step, USER},
    workshop::{Workshop, committed, password, put, write},
};

/// Refuses a push in which any commit touches a file with `marked` in its name.
const REFUSES_MARKED: &str = "while read old new ref; do
  if git log --format= --name-only $old..$new | grep -q marked; then
    echo 'the file is marked' >&2; exit 1
  fi
done";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_change_among_thirty_two_fails_alone_and_in_the_servers_words() {
    let workshop = Workshop::new().await;
    workshop.remote.hook("pre-receive", REFUSES_MARKED);
    let repository = &workshop.repository();
    let writes = (0..32).map(|number| async move {
        let name = if number == 17 {
            "marked".to_owned()
        } else {
            format!("f{number}")
        };
        write(repository, put(&name, "x")).await
    });
    let answers = join_all(writes).await;
    for (number, answer) in answers.into_iter().enumerate() {
        if number == 17 {
            let error = answer.unwrap_err();
            assert!(matches!(error, GitError::PushRefused { .. }), "{error}");
            assert!(error.to_string().contains("the file is marked"), "{error}");
        } else {
            committed(answer);
        }
    }
    assert_eq!(workshop.remote.commits().len(), 32);
    assert!(!workshop.remote.files().contains(&"marked".to_owned()));
    workshop.remote.must_be_linear_and_whole();
}

#[tokio::test]
async fn a_protected_branch_is_named_as_such_at_the_first_try() {
    let workshop = Workshop::new().await;
    workshop.remote.hook(
        "update",
        "echo 'GH006: Protected branch update failed for main.' >&2; exit 1",
    );
    let error = write(&workshop.repository(), put("a", "a")).await.unwrap_err();
    assert!(matches!(error, GitError::ProtectedBranch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("GH006") && text.contains("pull request"), "{text}");
    assert_eq!(workshop.server.count(Step::Push), 1);
}

#[tokio::test]
async fn who_saw_nothing_to_change_because_of_a_refused_neighbour_is_asked_again() {
    let workshop = Workshop::new().await;
    workshop.remote.hook("pre-receive", REFUSES_MARKED);
    let repository = workshop.repository();
    let (refused, second) = tokio::join!(
        write(&repository, put("marked", "x")),
        write(&repository, put("marked", "x")),
    );
    assert!(refused.is_err());
    assert!(
        second.is_err(),
        "it was not on the branch, so it was not unchanged: {second:?}"
    );
}

#[tokio::test]
async fn a_wrong_credential_is_refused_in_reading_and_writing() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.credentials = password("wrong"));
    for error in [
        repository.tip().await.unwrap_err(),
        write(&repository, put("a", "a")).await.unwrap_err(),
        repository.check().await.unwrap_err(),
    ] {
        assert!(matches!(error, GitError::CredentialsRefused { .. }), "{error}");
    }
    let none = workshop.repository_with(|settings| {
        settings.data_folder = settings.data_folder.join("none");
        settings.credentials = Arc::new(FixedCredentials(None));
    });
    assert!(matches!(
        none.tip().await,
        Err(GitError::CredentialsRefused { .. })
    ));
}

/// Gives an old password until it was refused.
struct Renewing(AtomicU32);

impl CredentialSource for Renewing {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        let renewals = self.0.fetch_add(u32::from(refused), Ordering::SeqCst) + u32::from(refused);
        let password = if renewals > 0 { PASSWORD } else { "expired" };
        Box::pin(std::future::ready(Ok(Some(Credentials {
            username: USER.to_owned(),
            password: SecretString::from(password),
        }))))
    }
}

#[tokio::test]
async fn a_credential_that_expired_is_renewed_once() {
    let workshop = Workshop::new().await;
    let source = Arc::new(Renewing(AtomicU32::new(0)));
    let given = Arc::clone(&source);
    let repository = workshop.repository_with(|settings| settings.credentials = given);
    committed(write(&repository, put("a", "a")).await);
    repository.tip().await.unwrap();
    assert_eq!(source.0.load(Ordering::SeqCst), 1);
}

/// Has nothing to give.
struct Empty;

impl CredentialSource for Empty {
    fn credentials(&self, _refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        Box::pin(std::future::ready(Err("the app is not installed".to_owned())))
    }
}

#[tokio::test]
async fn a_source_without_a_credential_says_why() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository_with(|settings| settings.credentials = Arc::new(Empty));
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    assert!(error.to_string().contains("the app is not installed"), "{error}");
    assert!(workshop.server.met().is_empty());
}

#[tokio::test]
async fn a_credential_without_the_right_to_push_is_told_from_a_wrong_one() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    workshop.server.fail_next(Step::PushLook, Fault::Status(403));
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    assert!(matches!(error, GitError::NotPermitted { .. }), "{error}");
}

#[tokio::test]
async fn a_branch_that_is_gone_is_not_created_behind_anybodys_back() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    workshop.remote.git(&["update-ref", "-d", "refs/heads/main"]);
    for error in [
        write(&repository, put("b", "b")).await.unwrap_err(),
        repository.tip().await.unwrap_err(),
    ] {
        assert!(matches!(error, GitError::BranchMissing { .. }), "{error}");
        assert!(error.to_string().contains("main"), "{error}");
    }
    assert!(workshop.remote.commits().is_empty());
}

#[tokio::test]
async fn a_branch_that_never_was_is_missing_where_there_are_others() {
    let workshop = Workshop::new().await;
    workshop.remote.git(&["branch", "--move", "main", "trunk"]);
    let error = write(&workshop.repository(), put("a", "a")).await.unwrap_err();
    assert!(matches!(error, GitError::BranchMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_repository_that_is_not_there_and_a_server_that_is_down_are_told_apart() {
    let workshop = Workshop::new().await;
    let missing = RemoteUrl::parse(&workshop.server.url("other.git")).unwrap();
    let repository = workshop.repository_with(|settings| settings.remote = missing);
    let error = repository.tip().await.unwrap_err();
    assert!(matches!(error, GitError::RepositoryMissing { .. }), "{error}");
    let down = RemoteUrl::parse("http://127.0.0.1:1/state.git").unwrap();
    let repository = workshop.repository_with(|settings| settings.remote = down);
    for error in [
        repository.tip().await.unwrap_err(),
        write(&repository, put("a", "a")).await.unwrap_err(),
    ] {
        assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_refused_at_every_step() {
    let elsewhere = GitServer::start().await;
    elsewhere.let_everybody_in();
    elsewhere.create("state.git").working_copy();
    for (step, path) in [
        (Step::FetchLook, "/info/refs?service=git-upload-pack"),
        (Step::Fetch, "/git-upload-pack"),
        (Step::PushLook, "/info/refs?service=git-receive-pack"),
        (Step::Push, "/git-receive-pack"),
    ] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository();
        let target = elsewhere.url("state.git");
        let location = format!("{}{path}", target.replace("http://", "http://robot:given@"));
        workshop.server.fail_next(step, Fault::Redirect(location));
        let error = write(&repository, put("a", "a")).await.unwrap_err();
        assert!(matches!(error, GitError::Redirected { .. }), "{error}");
        assert!(error.to_string().contains(&target), "{error}");
        assert!(elsewhere.met().is_empty(), "no request was sent there");
        committed(write(&repository, put("a", "a")).await);
        assert_eq!(workshop.remote.commits().len(), 2);
    }
}

#[tokio::test]
async fn a_redirect_without_a_usable_address_is_refused() {
    for location in ["http://", "/", ""] {
        let workshop = Workshop::new().await;
        let fault = Fault::Redirect(location.to_owned());
        workshop.server.fail_next(Step::FetchLook, fault);
        let error = workshop.repository().tip().await.unwrap_err();
        assert!(matches!(error, GitError::Redirected { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_credential_refused_in_mid_push_is_renewed_once() {
    let workshop = Workshop::new().await;
    let source = Arc::new(Renewing(AtomicU32::new(1)));
    let given = Arc::clone(&source);
    let repository = workshop.repository_with(|settings| settings.credentials = given);
    workshop.server.fail_next(Step::Push, Fault::Status(401));
    committed(write(&repository, put("a", "a")).await);
    assert_eq!(source.0.load(Ordering::SeqCst), 2, "renewed once");
    for _ in 0..2 {
        workshop.server.fail_next(Step::Push, Fault::Status(401));
    }
    let error = write(&repository, put("b", "b")).await.unwrap_err();
    assert!(matches!(error, GitError::CredentialsRefused { .. }), "{error}");
    assert_eq!(workshop.remote.files(), ["README", "a"]);
}

#[tokio::test]
async fn a_status_is_answered_with_its_cure_at_every_step() {
    for step in [Step::FetchLook, Step::Fetch, Step::PushLook, Step::Push] {
        for (status, cure) in [
            (403, "the right to read and write"),
            (404, "does not exist, or the credential may not see it"),
        ] {
            let workshop = Workshop::new().await;
            let repository = workshop.repository();
            workshop.server.fail_next(step, Fault::Status(status));
            let error = write(&repository, put("a", "a")).await.unwrap_err();
            assert!(error.to_string().contains(cure), "{step:?} {status}: {error}");
            committed(write(&repository, put("a", "a")).await);
        }
    }
    let workshop = Workshop::new().await;
    workshop.server.fail_next(Step::Push, Fault::Status(413));
    let error = write(&workshop.repository(), put("a", "a")).await.unwrap_err();
    let said = "larger than the server takes";
    assert!(error.to_string().contains(said), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_gits_is_said_to_be_none() {
    for step in [Step::FetchLook, Step::PushLook] {
        let workshop = Workshop::new().await;
        let repository = workshop.repository();
        workshop.server.fail_next(step, Fault::Status(200));
        let error = write(&repository, put("a", "a")).await.unwrap_err();
        let said = "in another way than a Git server";
        assert!(error.to_string().contains(said), "{step:?}: {error}");
    }
}

/// Panics, or never answers, the first time it is asked.
struct Broken {
    asked: AtomicU32,
    panics: bool,
}

impl CredentialSource for Broken {
    fn credentials(&self, _refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        if self.asked.fetch_add(1, Ordering::SeqCst) > 0 {
            let credentials = Credentials {
                username: USER.to_owned(),
                password: SecretString::from(PASSWORD),
            };
            return Box::pin(std::future::ready(Ok(Some(credentials))));
        }
        if self.panics {
            std::panic::resume_unwind(Box::new("a defect"));
        }
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_source_that_panics_fails_one_round_and_not_the_writer() {
    let workshop = Workshop::new().await;
    let source = Arc::new(Broken {
        asked: AtomicU32::new(0),
        panics: true,
    });
    let repository = workshop.repository_with(|settings| settings.credentials = source);
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    assert!(matches!(error, GitError::Internal), "{error}");
    committed(write(&repository, put("b", "b")).await);
}

#[tokio::test]
async fn a_source_that_never_answers_is_not_waited_for() {
    let workshop = Workshop::new().await;
    let source = Arc::new(Broken {
        asked: AtomicU32::new(0),
        panics: false,
    });
    let repository = workshop.repository_with(|settings| settings.credentials = source);
    tokio::time::pause();
    let error = write(&repository, put("a", "a")).await.unwrap_err();
    tokio::time::resume();
    assert!(matches!(error, GitError::NoCredentials { .. }), "{error}");
    committed(write(&repository, put("b", "b")).await);
}
