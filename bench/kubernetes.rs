//! What a read through Stagedoor costs over the same read made directly: `cargo bench --bench kubernetes`.
//!
//! Starts a real API server and the release binary, asks both in turn for the same object, and prints the times of both
//! with their ratio and difference. `SECONDS_EACH=N` changes how long each of the rounds lasts (default 5).

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

use std::time::{Duration, Instant};

use serde_json::json;
use support::{app::STATIC_TOKEN, binary::Binary, kubernetes::Cluster};

/// Rounds of each; the median of their medians counts.
const ROUNDS: usize = 5;

/// The one object that is read.
const OBJECT: &str = "/api/v1/namespaces/default/configmaps/bench";

/// What is asked, and as whom.
struct Read {
    url: String,
    token: String,
    client: reqwest::Client,
}

/// Milliseconds.
#[derive(Clone, Copy)]
struct Times {
    median: f64,
    p99: f64,
    per_second: f64,
}

#[tokio::main]
async fn main() {
    let cluster = Cluster::shared().await;
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "bench" },
        "data": { "text": "x".repeat(2_000) },
    });
    cluster
        .api()
        .create("/api/v1/namespaces/default/configmaps", &object)
        .await
        .ok();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-config.yaml"), app_config(&cluster)).unwrap();
    let stagedoor = Binary::start(
        folder.path(),
        &["--listen", "127.0.0.1:0"],
        &[("LOG_LEVEL", "info")],
    );
    let through = Read {
        url: format!(
            "{}/api/ske/resource?name=bench&kind=ConfigMap&apiVersion=v1",
            stagedoor.base()
        ),
        token: STATIC_TOKEN.to_owned(),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let direct = Read {
        url: format!("{}{OBJECT}", cluster.url()),
        token: cluster.admin_token().to_owned(),
        client: reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .unwrap(),
    };
    println!(
        "| at once | | p50 ms | p99 ms | reads/s | p50 ratio | added at p50 ms |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for at_once in [1, 16] {
        compare(&direct, &through, at_once).await;
    }
}

fn app_config(cluster: &Cluster) -> String {
    format!(
        "backend:\n  baseUrl: http://localhost:7007\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
         options: {{ token: {STATIC_TOKEN}, subject: bench }}\n\
         ske:\n  kubernetes: {{ platformName: platform }}\n\
         kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - name: platform\n          url: {}\n          \
         caData: {}\n          authProvider: serviceAccount\n          serviceAccountToken: {}\n\
         stagedoor:\n  ske: {{ allow: [{{ group: '', kinds: [ConfigMap], access: read }}] }}\n",
        cluster.url(),
        cluster.ca_data(),
        cluster.admin_token()
    )
}

/// Measures both in turn, so that whatever else the machine does meets both.
async fn compare(direct: &Read, through: &Read, at_once: usize) {
    let seconds = std::env::var("SECONDS_EACH")
        .ok()
        .and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(5));
    let mut times = [Vec::new(), Vec::new()];
    for read in [direct, through] {
        read.measure(at_once, time / 2).await;
    }
    for _ in 0..ROUNDS {
        times[0].push(direct.measure(at_once, time).await);
        times[1].push(through.measure(at_once, time).await);
    }
    let [direct, through] = times.map(middle);
    let line = |what: &str, times: Times| {
        format!(
            "| {at_once} | {what} | {:.2} | {:.2} | {:.0} |",
            times.median, times.p99, times.per_second
        )
    };
    println!("{} | |", line("directly", direct));
    let (ratio, added) = (through.median / direct.median, through.median - direct.median);
    println!("{} {ratio:.2} | {added:.2} |", line("through Stagedoor", through));
}

/// The round with the middle median.
fn middle(mut rounds: Vec<Times>) -> Times {
    rounds.sort_by(|one, other| one.median.total_cmp(&other.median));
    rounds[rounds.len() / 2]
}

impl Read {
    async fn measure(&self, at_once: usize, time: Duration) -> Times {
        let began = Instant::now();
        let readers = (0..at_once).map(|_| self.read_until(began + time));
        let mut taken: Vec<f64> = futures_util::future::join_all(readers).await.concat();
        taken.sort_by(f64::total_cmp);
        let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
        Times {
            median: at(0.5),
            p99: at(0.99),
            per_second: taken.len() as f64 / began.elapsed().as_secs_f64(),
        }
    }

    async fn read_until(&self, end: Instant) -> Vec<f64> {
        let mut taken = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            let answer = self
                .client
                .get(&self.url)
                .bearer_auth(&self.token)
                .send()
                .await
                .unwrap();
            let (status, body) = (answer.status(), answer.bytes().await.unwrap());
            assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
            taken.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        taken
    }
}
