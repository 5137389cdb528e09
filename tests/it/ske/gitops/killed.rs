//! The whole process killed at any moment: what a caller was told is in the repository once, and nothing by half.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::{
    history,
    place::{TEAM, holding},
    process::{Caller, Home},
};
use crate::support::git::remote::BareRepository;

/// Rounds of a plain test run; more with this variable.
const ROUNDS: (&str, u32) = ("STAGEDOOR_KILL_ROUNDS", 8);

/// Writers of a process.
const WRITERS: u32 = 6;

/// The longest a process lives after its first answer, in milliseconds.
const LONGEST_LIFE: u64 = 500;

/// What one writer sent: each name with the commit it was told, if it was told one.
type Sent = Vec<(String, Option<String>)>;

/// Enough bytes that a file written by half would be noticed.
fn filler(name: &str) -> String {
    name.repeat(400)
}

/// Writes one object after the other until nobody answers any more.
async fn write_until_it_dies(caller: Caller, name: String, first: Arc<AtomicBool>) -> Sent {
    let mut sent = Vec::new();
    for number in 0_u32.. {
        let name = format!("{name}-{number}");
        let spec = json!({ "name": name, "filler": filler(&name), "size": "on", "last": name });
        let answered = caller.write(&name, spec).await;
        let Some((status, body)) = answered else {
            sent.push((name, None));
            break;
        };
        assert_eq!(status, 200, "{body}");
        sent.push((name, Some(body["commitsha"].as_str().unwrap().to_owned())));
        first.store(true, Ordering::SeqCst);
    }
    sent
}

/// Lets a process live for a random time.
async fn round(home: &Home, name: &str) -> Sent {
    let process = home.start(&[]).await;
    let first = Arc::<AtomicBool>::default();
    let writers = (0..WRITERS).map(|writer| {
        write_until_it_dies(
            process.caller.clone(),
            format!("{name}-{writer}"),
            Arc::clone(&first),
        )
    });
    let [low, high, ..] = Uuid::new_v4().into_bytes();
    let life = Duration::from_millis(u64::from(u16::from_be_bytes([high, low])) % LONGEST_LIFE);
    let binary = process.binary;
    let killing = async {
        while !first.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(life).await;
        // Kills it as `kill -9` does.
        tokio::task::spawn_blocking(move || drop(binary)).await.unwrap();
    };
    let (sent, ()) = tokio::join!(join_all(writers), killing);
    sent.into_iter().flatten().collect()
}

/// Every object in files with this in their name is whole, and each that was acknowledged is there.
#[track_caller]
fn all_is_whole(remote: &BareRepository, part: &str, sent: &Sent) {
    let objects = history::objects_in(remote, part);
    for (name, commit) in sent {
        let object = objects.get(&format!("{TEAM}/{name}"));
        assert!(object.is_some() || commit.is_none(), "{name} was acknowledged");
        if let Some(object) = object {
            let spec = json!({ "name": name, "filler": filler(name), "size": "on", "last": name });
            assert_eq!(object["spec"], spec, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_stagedoor_acknowledged_is_there_once_and_nothing_is_there_by_half() {
    let rounds = std::env::var(ROUNDS.0).map_or(ROUNDS.1, |rounds| rounds.parse().unwrap());
    let workshop = holding(&[]).await;
    history::keep_book(&workshop.remote);
    let home = Home::of(&workshop.server, "{ timeout: 60s }", "");
    let mut sent = Sent::new();
    for number in 0..rounds {
        let name = format!("r{number}");
        let now = round(&home, &name).await;
        workshop.server.quiet().await;
        all_is_whole(&workshop.remote, &format!("_{name}-"), &now);
        sent.extend(now);
    }
    let commits = history::commits(&workshop.remote);
    let told: Vec<_> = sent.iter().filter_map(|(_, commit)| commit.clone()).collect();
    println!(
        "{rounds} rounds: {} sent, {} acknowledged, {} commits",
        sent.len(),
        told.len(),
        commits.len()
    );
    history::are_all_there(&commits, &told);
    let names: BTreeSet<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for commit in commits.iter().skip(1) {
        let name = commit
            .subject
            .strip_prefix(&format!("chore: configure Database {TEAM}/"))
            .unwrap();
        assert!(names.contains(name), "{commit:?}");
        assert!(seen.insert(name), "{name} has two commits");
        assert_eq!(commit.files.len(), 1, "{commit:?}");
    }
    all_is_whole(&workshop.remote, "", &sent);
    workshop.remote.must_be_linear_and_whole();
    history::nothing_was_forced(&workshop.remote);
}
