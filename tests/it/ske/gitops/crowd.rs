//! Two processes, thirty-two writers each, twenty objects a writer, and a person: one repository, and nothing is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    history::{self, Commit},
    place::{TEAM, document, holding},
    process::{Caller, Home},
};

const WRITERS: usize = 32;

/// Objects of each writer; the last ones are written by the writer of the same number in the other process, too.
const OBJECTS: usize = 20;
const SHARED: usize = 5;

/// Commits of the person.
const BY_HAND: usize = 10;

/// Tries of one write, whose caller does as the answers say: a 409 promises that nothing was written.
const TRIES: usize = 20;

/// A write that was acknowledged.
struct Acknowledged {
    name: String,
    value: String,
    commit: String,
}

/// One writer of one process.
async fn writer(caller: Caller, process: usize, number: usize, late: Arc<AtomicUsize>) -> Vec<Acknowledged> {
    let mut done = Vec::new();
    for object in 0..OBJECTS {
        let owner = if object < OBJECTS - SHARED {
            format!("p{process}")
        } else {
            "both".to_owned()
        };
        let name = format!("{owner}-w{number}-o{object}");
        let value = format!("{process}-{number}-{object}");
        let commit = write(&caller, &name, &value, &late).await;
        done.push(Acknowledged { name, value, commit });
    }
    done
}

async fn write(caller: &Caller, name: &str, value: &str, late: &AtomicUsize) -> String {
    for _ in 0..TRIES {
        match caller.write(name, json!({ "by": value, "size": "on" })).await {
            Some((200, body)) => return body["commitsha"].as_str().unwrap().to_owned(),
            Some((409, body)) if body["message"].as_str().unwrap().contains("nothing was written") => {
                late.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    panic!("{name} came too late {TRIES} times");
}

/// What each commit of Stagedoor's says is what it does: one file, of the object in its subject.
#[track_caller]
fn each_commit_is_one_change(commits: &[Commit]) {
    for commit in commits {
        if let Some(object) = commit
            .subject
            .strip_prefix(&format!("chore: configure Database {TEAM}/"))
        {
            let path = format!("requests/{TEAM}_database.example.org_{object}.yaml");
            assert_eq!(commit.files, [path], "{commit:?}");
        } else {
            assert!(
                ["by hand", "README"].contains(&commit.subject.as_str()),
                "{commit:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_32_writers_each_and_a_person_lose_nothing_and_write_nothing_twice() {
    let workshop = holding(&[("requests/first.yaml", &document("first", "small"))]).await;
    history::keep_book(&workshop.remote);
    let homes = [0, 1].map(|_| Home::of(&workshop.server, "{ timeout: 120s }", ""));
    let (one, two) = tokio::join!(homes[0].start(&[]), homes[1].start(&[]));
    let late = Arc::<AtomicUsize>::default();
    let writers = [&one, &two]
        .into_iter()
        .enumerate()
        .flat_map(|(process, started)| {
            let late = Arc::clone(&late);
            (0..WRITERS).map(move |number| writer(started.caller.clone(), process, number, Arc::clone(&late)))
        });
    let remote = Arc::new(workshop.remote);
    let by_hand = Arc::clone(&remote);
    let person = tokio::task::spawn_blocking(move || {
        let clone = by_hand.working_copy();
        for number in 0..BY_HAND {
            clone.write(
                &format!("requests/hand-{number}.yaml"),
                &document(&format!("hand-{number}"), "small"),
            );
            clone.commit("by hand");
            clone.push_on_top();
        }
    });
    let begun = std::time::Instant::now();
    let done: Vec<_> = join_all(writers).await.into_iter().flatten().collect();
    person.await.unwrap();
    let took = begun.elapsed();
    let commits = history::commits(&remote);
    println!(
        "{} writes in {took:.1?}, {} pushes, {} answers of 409",
        done.len(),
        workshop.server.count(crate::support::git::server::Step::Push),
        late.load(Ordering::SeqCst)
    );
    everything_is_there_once(&remote, &commits, &done);
    for process in [one, two] {
        let ended = tokio::task::spawn_blocking(|| process.binary.terminated())
            .await
            .unwrap();
        assert!(ended.0.success(), "{}", ended.1);
    }
}

/// The end of the matter: each write is one commit and holds its value; each object is there once, with the value of
/// one of its writers.
#[track_caller]
fn everything_is_there_once(
    remote: &crate::support::git::remote::BareRepository,
    commits: &[Commit],
    done: &[Acknowledged],
) {
    assert_eq!(done.len(), 2 * WRITERS * OBJECTS);
    history::are_all_there(commits, done.iter().map(|write| &write.commit));
    // `README`, the first object, and nothing that nobody was told of.
    assert_eq!(commits.len(), 2 + BY_HAND + done.len());
    each_commit_is_one_change(commits);
    let paths: Vec<_> = done
        .iter()
        .map(|write| {
            format!(
                "{}:requests/{TEAM}_database.example.org_{}.yaml",
                write.commit, write.name
            )
        })
        .collect();
    for (write, text) in done.iter().zip(history::contents(remote, &paths)) {
        assert!(
            text.contains(&format!("by: {}\n", write.value)),
            "{}: {text}",
            write.name
        );
    }
    let mut written: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for write in done {
        written
            .entry(format!("{TEAM}/{}", write.name))
            .or_default()
            .insert(&write.value);
    }
    let objects = history::objects(remote);
    for (name, values) in &written {
        let by = objects[name]["spec"]["by"].as_str().unwrap();
        assert!(values.contains(by), "{name}: {by}");
        assert_eq!(objects[name]["spec"]["size"], Value::from("on"));
    }
    assert_eq!(objects.len(), written.len() + 1 + BY_HAND);
    remote.must_be_linear_and_whole();
    history::nothing_was_forced(remote);
}
