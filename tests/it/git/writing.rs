//! What a write leaves on the branch.

use stagedoor::infra::git::{Draft, FileEdit, Written};

use crate::support::git::{
    server::Step,
    workshop::{Workshop, change, committed, edits, path, put, remove, write},
};

#[tokio::test]
async fn a_write_is_one_commit_on_the_tip_and_touches_nothing_else() {
    let workshop = Workshop::new().await;
    let before = workshop.remote.commits();
    let commit = committed(write(&workshop.repository(), put("a/b/c.yaml", "kind: A\n")).await);
    assert_eq!(workshop.remote.commits(), [vec![commit], before].concat());
    assert_eq!(workshop.remote.files(), ["README", "a/b/c.yaml"]);
    assert_eq!(workshop.remote.show("a/b/c.yaml"), "kind: A");
    workshop.remote.must_be_linear_and_whole();
}

#[tokio::test]
async fn a_commit_names_its_author_its_committer_and_its_whole_message() {
    let workshop = Workshop::new().await;
    let message = "Add A\n\nBecause.\n\nRequested-by: user:default/ann\n";
    let change = change(move |_| {
        Ok(Some(Draft {
            edits: [(path("a.yaml"), FileEdit::Write(b"a".to_vec()))].into(),
            message: message.to_owned(),
        }))
    });
    committed(write(&workshop.repository(), change).await);
    let shown = workshop
        .remote
        .git(&["log", "-1", "--format=%an <%ae>|%cn <%ce>|%B", "main"]);
    let expected = "Ann Author <ann@example.com>|Stagedoor <stagedoor@example.com>|Add A\n\nBecause.\n\n\
                    Requested-by: user:default/ann";
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_first_write_to_an_empty_repository_creates_the_branch() {
    let workshop = Workshop::empty().await;
    let repository = workshop.repository();
    assert_eq!(repository.tip().await.unwrap(), None);
    let commit = committed(write(&repository, put("a.yaml", "a")).await);
    assert_eq!(workshop.remote.commits(), [commit]);
    committed(write(&repository, put("b.yaml", "b")).await);
    assert_eq!(workshop.remote.files(), ["a.yaml", "b.yaml"]);
}

#[tokio::test]
async fn where_nothing_changes_there_is_no_commit_and_no_push() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let head = committed(write(&repository, put("a.yaml", "a")).await);
    let pushes = workshop.server.count(Step::Push);
    for unchanged in [
        put("a.yaml", "a"),
        remove("b/none.yaml"),
        change(|_| Ok(None)),
        edits([]),
    ] {
        let written = write(&repository, unchanged).await.unwrap();
        assert!(matches!(written, Written::Unchanged(_)), "{written:?}");
        assert_eq!(written.commit().unwrap().to_string(), head);
    }
    assert_eq!(workshop.server.count(Step::Push), pushes);
}

#[tokio::test]
async fn a_removed_file_takes_folders_that_it_leaves_empty_along() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let two = [("a/b/c.yaml", "c"), ("a/d.yaml", "d")];
    let two = two.map(|(file, content)| (path(file), FileEdit::Write(content.into())));
    committed(write(&repository, edits(two)).await);
    committed(write(&repository, remove("a/b/c.yaml")).await);
    assert_eq!(workshop.remote.files(), ["README", "a/d.yaml"]);
    for file in ["a/d.yaml", "README"] {
        committed(write(&repository, remove(file)).await);
    }
    assert!(workshop.remote.files().is_empty(), "the last file may go as well");
    committed(write(&repository, put("a.yaml", "a")).await);
    assert_eq!(workshop.remote.files(), ["a.yaml"]);
}

#[tokio::test]
async fn an_executable_file_stays_one() {
    let workshop = Workshop::new().await;
    let clone = workshop.remote.working_copy();
    clone.write("run.sh", "one\n");
    clone.git(&["add", "--all"]);
    clone.git(&["update-index", "--chmod=+x", "run.sh"]);
    clone.git(&["commit", "--quiet", "--message", "by hand"]);
    clone.git(&["push", "--quiet", "origin", "main"]);
    committed(write(&workshop.repository(), put("run.sh", "two\n")).await);
    let listed = workshop.remote.git(&["ls-tree", "main", "run.sh"]);
    assert!(listed.starts_with("100755"), "{listed}");
    assert_eq!(workshop.remote.show("run.sh"), "two");
}

#[tokio::test]
async fn a_change_is_computed_from_the_tip_it_goes_on() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("count", "1")).await);
    workshop.remote.push_file("count", "41");
    let count_up = change(|tip| {
        let text = String::from_utf8(tip.read(&path("count"))?.unwrap()).unwrap();
        let next = text.parse::<u32>().unwrap() + 1;
        Ok(Some(Draft {
            edits: [(path("count"), FileEdit::Write(next.to_string().into_bytes()))].into(),
            message: "Count".to_owned(),
        }))
    });
    committed(write(&repository, count_up).await);
    assert_eq!(workshop.remote.show("count"), "42");
}

#[tokio::test]
async fn a_change_that_says_no_answers_in_its_own_words_and_leaves_no_trace() {
    let workshop = Workshop::new().await;
    let before = workshop.remote.commits();
    let refusal = write(
        &workshop.repository(),
        change(|_| Err("there is no such thing".into())),
    )
    .await;
    assert_eq!(refusal.unwrap_err().to_string(), "there is no such thing");
    assert_eq!(workshop.remote.commits(), before);
}

#[tokio::test]
async fn a_change_that_panics_fails_alone() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let panics = change(|_| std::panic::resume_unwind(Box::new("a defect")));
    let (panicked, written) = tokio::join!(write(&repository, panics), write(&repository, put("a", "a")));
    assert!(panicked.is_err());
    committed(written);
}
