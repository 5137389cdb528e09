//! What it is worth that writes share pushes: `cargo bench --bench git`.
//!
//! 32 writers write at once through Git's own HTTP backend, once with a push for each write and once as Stagedoor does
//! it. Every commit that was acknowledged is looked for in the remote. `WRITES=N` changes how many each writer makes.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it stands on the support of the tests, where all this is allowed, and does not use the rest of it"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use stagedoor::infra::git::{FolderPath, GitRepository};
use support::git::{
    server::Step,
    workshop::{Workshop, committed, put, write},
};

/// Who writes at the same time.
const WRITERS: usize = 32;

/// Times that reads are measured.
const READS: usize = 2_000;

/// What a run came to.
struct Outcome {
    commits: usize,
    pushes: usize,
    seconds: f64,
}

#[tokio::main]
async fn main() {
    let writes = std::env::var("WRITES").ok().and_then(|text| text.parse().ok());
    let writes: usize = writes.unwrap_or(8);
    println!(
        "| {WRITERS} writers | commits | pushes | seconds | commits/s | ratio |\n| --- | --- | --- | --- | --- | --- |"
    );
    let alone = run(1, writes.div_ceil(4)).await;
    let together = run(64, writes * 4).await;
    let rate = |outcome: &Outcome| outcome.commits as f64 / outcome.seconds;
    for (what, outcome) in [("a push for each write", &alone), ("shared pushes", &together)] {
        println!(
            "| {what} | {} | {} | {:.1} | {:.1} | {:.1} |",
            outcome.commits,
            outcome.pushes,
            outcome.seconds,
            rate(outcome),
            rate(outcome) / rate(&alone)
        );
    }
    reads().await;
}

/// Lets everybody write so many, with so many together at most.
async fn run(most_together: usize, each: usize) -> Outcome {
    let workshop = Workshop::new().await;
    let repository = &workshop.repository_with(|settings| settings.limits.most_together = most_together);
    repository.tip().await.unwrap();
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| async move {
        let mut commits = Vec::new();
        for number in 0..each {
            let file = format!("team-{writer:02}/request-{number:03}.yaml");
            commits.push(committed(write(repository, put(&file, &manifest(&file))).await));
        }
        commits
    });
    let acknowledged: BTreeSet<_> = join_all(writers).await.into_iter().flatten().collect();
    let seconds = began.elapsed().as_secs_f64();
    let there: BTreeSet<_> = workshop.remote.commits().into_iter().collect();
    assert_eq!(acknowledged.len(), WRITERS * each);
    assert!(
        acknowledged.is_subset(&there),
        "what was acknowledged is on the branch"
    );
    assert_eq!(there.len(), acknowledged.len() + 1, "and nothing twice");
    assert_eq!(workshop.remote.files().len(), acknowledged.len() + 1);
    workshop.remote.must_be_linear_and_whole();
    Outcome {
        commits: acknowledged.len(),
        pushes: workshop.server.count(Step::Push),
        seconds,
    }
}

fn manifest(name: &str) -> String {
    let fields: String = (0..20)
        .map(|field| format!("  field{field}: value of {name}\n"))
        .collect();
    format!("apiVersion: example.com/v1\nkind: Request\nspec:\n{fields}")
}

/// One file of a repository of 2,000, by its path, within the fetch interval.
async fn reads() {
    let workshop = Workshop::new().await;
    let clone = workshop.remote.working_copy();
    for number in 0..2_000 {
        let file = format!("team-{:02}/request-{number:04}.yaml", number % 20);
        clone.write(&file, &manifest(&file));
    }
    clone.commit("many");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let repository =
        workshop.repository_with(|settings| settings.limits.fetch_interval = Duration::from_secs(600));
    repository.tip().await.unwrap();
    let mut taken = Vec::with_capacity(READS);
    for number in 0..READS {
        let file = support::git::workshop::path(&format!("team-{:02}/request-{number:04}.yaml", number % 20));
        let began = Instant::now();
        let read = repository.read(move |tip| tip.read(&file)).await.unwrap();
        taken.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert!(read.is_some());
    }
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    println!("\n| reads of a file | p50 ms | p99 ms |\n| --- | --- | --- |");
    println!("| {READS} | {:.3} | {:.3} |", at(0.5), at(0.99));
}
