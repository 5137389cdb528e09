//! etcd and kube-apiserver as child processes in a folder of their own.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::json;

use super::{
    api::Api,
    binaries,
    certificates::{Authority, write_keys},
    issuer::{CLIENT_ID, Issuer, PREFIX},
};
use crate::support::guarded::Guarded;

/// The token of the user `admin` in the group `system:masters`.
pub(super) const ADMIN_TOKEN: &str = "token-of-the-admin";

/// Where service account tokens say they come from.
const SERVICE_ACCOUNT_ISSUER: &str = "https://kubernetes.default.svc";

/// On a busy machine with two cores a start takes a few seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// A running cluster without any node.
pub(super) struct Server {
    pub(super) authority: Authority,
    pub(super) issuer: Issuer,
    pub(super) folder: PathBuf,
    /// Kept, so that a restarted server is found where it was.
    pub(super) port: u16,
    command: Vec<String>,
    running: Mutex<Option<Guarded>>,
    _etcd: Guarded,
}

impl Server {
    /// Starts both and waits until they serve.
    pub(super) async fn start(expired_certificate: bool) -> Result<Self, String> {
        let binaries = binaries::installed();
        let began = Instant::now();
        let folder = tempfile::Builder::new()
            .prefix("stagedoor-kubernetes-")
            .tempdir()
            .unwrap()
            .keep();
        let authority = Authority::new();
        write_files(&folder, &authority, expired_certificate);
        let issuer = Issuer::start(&authority);
        let [port, etcd_port, peer_port] = free_ports();
        let etcd = etcd_command(&binaries, &folder, etcd_port, peer_port);
        let etcd = Guarded::start(&etcd, &folder.join("etcd.log"), Some(&folder));
        let server = Self {
            command: api_command(&binaries, &folder, [port, etcd_port], issuer.url()),
            authority,
            issuer,
            folder,
            port,
            running: Mutex::new(None),
            _etcd: etcd,
        };
        server.resume().await?;
        tell(began.elapsed());
        Ok(server)
    }

    /// `https://127.0.0.1:<port>`
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Starts the API server, on the same port and with the same objects as before, and waits until it serves.
    pub(super) async fn resume(&self) -> Result<(), String> {
        let log = self.folder.join("kube-apiserver.log");
        let _ = fs::remove_file(&log);
        *self.running.lock() = Some(Guarded::start(&self.command, &log, None));
        let end = Instant::now() + LIMIT;
        loop {
            // A pooled connection to the one before would only be in the way.
            if self.serves().await {
                return Ok(());
            }
            let said = self.log();
            let has_failed = said.contains("\"command failed\"");
            if has_failed || Instant::now() > end {
                let tail = said.len().saturating_sub(3000);
                let tail = said.get(tail..).unwrap_or(&said);
                return Err(format!(
                    "kube-apiserver does not serve; its log ends with:\n{tail}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ready, and past its first look at the issuer, which it takes in the background.
    async fn serves(&self) -> bool {
        let user = self.issuer.token("the start of the tests", &[]);
        let admin = Api::unverified(&self.url(), ADMIN_TOKEN);
        let user = Api::unverified(&self.url(), &user);
        admin.reaches("/readyz").await && user.reaches("/apis").await
    }

    /// Kills the API server in whatever it is doing; etcd keeps its objects.
    pub(super) fn stop(&self) {
        self.running.lock().take();
    }

    /// Sends the API server a signal by its name without `SIG`.
    pub(super) fn signal(&self, name: &str) {
        let running = self.running.lock();
        running.as_ref().expect("the API server runs").signal(name);
    }

    fn log(&self) -> String {
        self.running.lock().as_ref().map(Guarded::log).unwrap_or_default()
    }
}

/// Seen with `--nocapture`, and when the test that started it fails.
#[allow(
    clippy::print_stdout,
    reason = "how long the tests wait for a server is said by the test run"
)]
fn tell(took: Duration) {
    println!("the Kubernetes API server serves after {took:?}");
}

/// Ports that nobody has, and that the system gives to nobody by itself: until the children listen, and while one is
/// stopped, some other test's connection would take one of those.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let mut taken = Vec::new();
    std::array::from_fn(|_| {
        let listener = std::iter::repeat_with(listen_below_the_ephemeral_ports)
            .flatten()
            .next()
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        taken.push(listener);
        port
    })
}

fn listen_below_the_ephemeral_ports() -> Option<TcpListener> {
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    let port = 12_000 + u16::try_from(random % 20_000).unwrap();
    TcpListener::bind(("127.0.0.1", port)).ok()
}

fn write_files(folder: &Path, authority: &Authority, expired_certificate: bool) {
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    authority.write_server(folder, "server", expired_certificate);
    write_keys(folder, "accounts");
    let tokens = format!("{ADMIN_TOKEN},admin,1,\"system:masters\"\n");
    fs::write(folder.join("tokens.csv"), tokens).unwrap();
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
        "omitStages": ["RequestReceived"], "rules": [{ "level": "Metadata" }],
    });
    fs::write(folder.join("audit-policy.json"), policy.to_string()).unwrap();
}

fn etcd_command(binaries: &Path, folder: &Path, port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{port}");
    vec![
        binaries.join("etcd").display().to_string(),
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
        // Nothing of it is kept, so nothing needs to reach the disk.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=error".to_owned(),
    ]
}

fn api_command(binaries: &Path, folder: &Path, ports: [u16; 2], issuer: &str) -> Vec<String> {
    let [port, etcd_port] = ports;
    let file = |name: &str| folder.join(name).display().to_string();
    let fixed = FLAGS.iter().map(|flag| (*flag).to_owned());
    let ours = [
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("own-certificates")),
        format!("--tls-cert-file={}", file("server.pem")),
        format!("--tls-private-key-file={}", file("server-key.pem")),
        format!("--client-ca-file={}", file("ca.pem")),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--service-account-issuer={SERVICE_ACCOUNT_ISSUER}"),
        format!("--service-account-key-file={}", file("accounts-public.pem")),
        format!("--service-account-signing-key-file={}", file("accounts.pem")),
        format!("--oidc-issuer-url={issuer}"),
        format!("--oidc-ca-file={}", file("ca.pem")),
        format!("--oidc-client-id={CLIENT_ID}"),
        format!("--oidc-username-prefix={PREFIX}"),
        format!("--oidc-groups-prefix={PREFIX}"),
        format!("--audit-policy-file={}", file("audit-policy.json")),
        format!("--audit-log-path={}", file("audit.log")),
    ];
    let program = binaries.join("kube-apiserver").display().to_string();
    [program].into_iter().chain(fixed).chain(ours).collect()
}

/// The same for every server.
const FLAGS: [&str; 17] = [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    "--oidc-username-claim=preferred_username",
    "--oidc-groups-claim=groups",
    "--oidc-signing-algs=ES256",
    "--service-cluster-ip-range=10.0.0.0/24",
    // There is nothing behind the service of the API server, and nobody looks for it.
    "--endpoint-reconciler-type=none",
    // No controller makes the default accounts that this one waits for; no pod ever runs.
    "--disable-admission-plugins=ServiceAccount",
    // Thousands of calls at once are what some tests are about.
    "--enable-priority-and-fairness=false",
    "--max-requests-inflight=0",
    "--max-mutating-requests-inflight=0",
    // A line is in the file before the next request is done; no rotation.
    "--audit-log-mode=blocking",
    "--audit-log-maxsize=4096",
    "--profiling=false",
    "--v=1",
];
