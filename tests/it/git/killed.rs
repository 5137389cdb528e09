//! A process that is killed at any moment: what it acknowledged is on the branch once, and nothing is there by half.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    process::Child,
    time::Duration,
};

use futures_util::future::join_all;
use stagedoor::infra::git::{FileEdit, GitError, GitRepository, Written};
use uuid::Uuid;

use crate::support::git::{
    child::Order,
    server::GitServer,
    workshop::{Workshop, committed, edits, path, write},
};

/// Rounds of a plain test run; more with this variable.
const ROUNDS: (&str, u32) = ("STAGEDOOR_KILL_ROUNDS", 40);

/// Processes that live at the same time, each with a data folder of its own.
const LANES: u32 = 2;

/// The test, which starts itself again.
const THIS: &str =
    "git::killed::what_a_killed_process_acknowledged_is_there_once_and_nothing_is_there_by_half";

/// Writers of a process.
const WRITERS: u32 = 4;

/// The longest a process lives after its first acknowledgement, in milliseconds: a few pushes.
const LONGEST_LIFE: u64 = 250;

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

/// Writes pairs of files until it is killed, and tells each that was acknowledged.
async fn write_for_ever(repository: &GitRepository, name: &str) {
    for number in 0_u32.. {
        let pair = format!("{name}-{number}");
        let files = ["left", "right"].map(|side| {
            (
                path(&format!("{pair}/{side}")),
                FileEdit::Write(pair.clone().into()),
            )
        });
        while !has_written(write(repository, edits(files.clone())).await) {}
        say(&format!("DONE {pair}"));
    }
}

/// The other lanes may win every race; then nothing was written.
fn has_written(answer: Result<Written, GitError>) -> bool {
    let lost = matches!(answer, Err(GitError::Contended { .. }));
    if !lost {
        committed(answer);
    }
    !lost
}

/// What the process does that is killed.
async fn write_until_killed(order: Order) {
    let repository = order.repository();
    let names: Vec<_> = (0..WRITERS)
        .map(|writer| format!("{}-{writer}", order.what))
        .collect();
    join_all(names.iter().map(|name| write_for_ever(&repository, name))).await;
}

/// Lets the process live for a random time; returns what it acknowledged.
fn kill_at_random(mut child: Child) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let [low, high, ..] = Uuid::new_v4().into_bytes();
    let life = Duration::from_millis(u64::from(u16::from_be_bytes([high, low])) % LONGEST_LIFE);
    let mut killer = None;
    let mut done = Vec::new();
    for line in lines.map_while(Result::ok) {
        if let Some((_, pair)) = line.split_once("DONE ") {
            done.push(pair.to_owned());
            killer.get_or_insert_with(|| {
                let id = child.id().to_string();
                std::thread::spawn(move || {
                    std::thread::sleep(life);
                    std::process::Command::new("kill")
                        .args(["-9", &id])
                        .status()
                        .unwrap()
                })
            });
        }
    }
    killer.expect("it acknowledged something").join().unwrap();
    child.wait().unwrap();
    done
}

/// One process after the other, with the data folder of the one before; returns what they acknowledged.
async fn kill_in_turn(workshop: &Workshop, url: &str, lane: u32, rounds: u32) -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let mut order = Order::new(workshop, url, &format!("r{lane}-{round}"));
        order.data = data.path().to_str().unwrap().to_owned();
        let child = order.start(THIS, &[]);
        let killed = tokio::task::spawn_blocking(|| kill_at_random(child));
        acknowledged.extend(killed.await.unwrap());
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_acknowledged_is_there_once_and_nothing_is_there_by_half() {
    if let Some(order) = Order::received() {
        return write_until_killed(order).await;
    }
    let rounds = std::env::var(ROUNDS.0).map_or(ROUNDS.1, |rounds| rounds.parse().unwrap());
    let workshop = Workshop::behind(GitServer::start().await);
    let url = workshop.server.url("state.git");
    let lanes = (0..LANES).map(|lane| kill_in_turn(&workshop, &url, lane, rounds.div_ceil(LANES)));
    let acknowledged = join_all(lanes).await.concat();
    workshop.server.quiet().await;
    let files: BTreeSet<_> = workshop.remote.files().into_iter().collect();
    for pair in &acknowledged {
        assert!(files.contains(&format!("{pair}/left")), "{pair} was acknowledged");
    }
    let lefts = files.iter().filter_map(|file| file.strip_suffix("/left"));
    let commits = lefts.inspect(|pair| assert!(files.contains(&format!("{pair}/right")), "{pair} is whole"));
    assert_eq!(
        commits.count(),
        workshop.remote.commits().len(),
        "each pair has one commit"
    );
    assert_eq!(files.len(), 2 * workshop.remote.commits().len());
    workshop.remote.must_be_linear_and_whole();
}
