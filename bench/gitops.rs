//! What it costs to keep up with a repository of many objects: `cargo bench --bench gitops`.
//!
//! For each size, fills a repository, offers it over HTTP with Git's own backend, starts the release binary in gitops
//! mode and measures the first reading, what a fetched commit costs, reads and memory. `SIZES=500,5000` leaves sizes out.

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
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::json;
use support::{
    app::STATIC_TOKEN,
    git::{
        remote::BareRepository,
        server::{GitServer, PASSWORD, USER},
    },
};

/// Objects in one folder of the nested layout.
const IN_FOLDER: usize = 1_000;

/// Commits whose cost is measured; the median counts.
const COMMITS: usize = 7;

/// Longer than the interval in which the server is asked once.
const INTERVAL: Duration = Duration::from_millis(2_200);

/// How long reads are measured.
const READS: Duration = Duration::from_secs(5);

/// The release binary with this repository.
struct Service {
    child: Child,
    lines: Receiver<String>,
    base: String,
    client: reqwest::Client,
}

/// What one size comes to; milliseconds but for the memory, in MB.
struct Figures {
    first: f64,
    index: f64,
    request: f64,
    p50: f64,
    p99: f64,
    memory: f64,
}

#[tokio::main]
async fn main() {
    stagedoor::infra::install_crypto_provider();
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "500,5000,50000".to_owned());
    let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
    println!(
        "| layout | objects | first reading ms | index after one commit ms | that request with its fetch ms | read p50 ms | \
         read p99 ms | memory MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for layout in ["nested", "flat"] {
        for size in sizes.iter().filter(|size| layout == "nested" || **size <= 5_000) {
            let figures = measure(layout, *size).await;
            println!(
                "| {layout} | {size} | {:.0} | {:.2} | {:.1} | {:.2} | {:.2} | {:.0} |",
                figures.first, figures.index, figures.request, figures.p50, figures.p99, figures.memory
            );
        }
    }
}

async fn measure(layout: &str, size: usize) -> Figures {
    let server = GitServer::start().await;
    let remote = server.create("state.git");
    fill(&remote, layout, size);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("app-config.yaml"),
        app_config(&server, layout, folder.path()),
    )
    .unwrap();
    let service = Service::start(folder.path());
    let first = service.told("objects of the repository in ");
    let (mut index, mut request) = (Vec::new(), Vec::new());
    for round in 0..COMMITS {
        tokio::time::sleep(INTERVAL).await;
        commit(&remote, &path(layout, round), &object(round, "changed"));
        let began = Instant::now();
        let size = service.read(round).await["manifest"]["spec"]["size"].clone();
        request.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(size, "changed");
        index.push(service.told("changed files of the repository in "));
    }
    let mut reads = Vec::new();
    let end = Instant::now() + READS;
    while Instant::now() < end {
        let began = Instant::now();
        service.read(reads.len() % size).await;
        reads.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Figures {
        first,
        index: at(&mut index, 0.5),
        request: at(&mut request, 0.5),
        p50: at(&mut reads, 0.5),
        p99: at(&mut reads, 0.99),
        memory: service.memory(),
    }
}

fn at(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

fn namespace(number: usize) -> String {
    format!("team-{}", number / IN_FOLDER)
}

fn path(layout: &str, number: usize) -> String {
    let namespace = namespace(number);
    match layout {
        "flat" => format!("{namespace}_database.example.com_object-{number}.yaml"),
        _ => format!("database.example.com/{namespace}/object-{number}.yaml"),
    }
}

fn object(number: usize, size: &str) -> String {
    format!(
        "apiVersion: example.com/v1\nkind: Database\nmetadata:\n  name: object-{number}\n  namespace: {}\n  labels:\n    \
         team: a\nspec:\n  size: {size}\n  storage: 10Gi\n  users:\n  - name: ann\n    role: owner\n  - name: ben\n    role: \
         reader\n",
        namespace(number)
    )
}

/// Writes everything in one commit, as `git fast-import` reads it.
fn fill(remote: &BareRepository, layout: &str, size: usize) {
    let mut stream =
        "commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 4\nfill\n".to_owned();
    for number in 0..size {
        file(&mut stream, &path(layout, number), &object(number, "small"));
    }
    import(remote, &stream);
}

fn commit(remote: &BareRepository, path: &str, content: &str) {
    let mut stream =
        "commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 6\nchange\nfrom \
                      refs/heads/main^0\n"
            .to_owned();
    file(&mut stream, path, content);
    import(remote, &stream);
}

fn file(stream: &mut String, path: &str, content: &str) {
    write!(
        stream,
        "M 100644 inline {path}\ndata {}\n{content}\n",
        content.len()
    )
    .unwrap();
}

fn import(remote: &BareRepository, stream: &str) {
    let folder = remote.git(&["rev-parse", "--absolute-git-dir"]);
    let mut git = Command::new("git")
        .args(["-C", &folder, "fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success());
}

fn app_config(server: &GitServer, layout: &str, folder: &Path) -> String {
    format!(
        "backend:\n  baseUrl: http://localhost:7007\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
         options: {{ token: {STATIC_TOKEN}, subject: bench }}\n\
         ske:\n  mode: gitops\n  scm: {{ repoUrl: '{}', username: {USER}, token: '{PASSWORD}' }}\n\
         stagedoor:\n  dataDir: {}\n  ske: {{ layout: {layout}, allow: [{{ group: '*', kinds: ['*'], access: write }}] }}\n",
        server.url("state.git"),
        folder.join("data").display()
    )
}

impl Service {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stagedoor"))
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .env_clear()
            .env("LOG_LEVEL", "debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().for_each(|line| drop(sender.send(line.unwrap()))));
        let mut service = Self {
            child,
            lines,
            base: String::new(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        service.base = format!("http://{}", service.line("Listening on ").trim());
        service
    }

    /// What follows the text in the next line that has it.
    fn line(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(300)).expect(text);
            if let Some((_, rest)) = line.split_once(text) {
                return rest.split_whitespace().next().unwrap().to_owned();
            }
        }
    }

    fn told(&self, text: &str) -> f64 {
        self.line(text).parse().unwrap()
    }

    async fn read(&self, number: usize) -> serde_json::Value {
        let query = format!(
            "name=object-{number}&namespace={}&kind=Database&apiVersion=example.com/v1",
            namespace(number)
        );
        let url = format!("{}/api/ske/resource?{query}", self.base);
        let answer = self
            .client
            .get(url)
            .bearer_auth(STATIC_TOKEN)
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What of it is in memory now.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1_024.0
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
