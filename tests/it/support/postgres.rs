//! A real PostgreSQL in a folder of its own, on a port of loopback. As root it runs as `nobody`, since it refuses root.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::guarded::Guarded;

/// Its only user, who may do everything.
pub(crate) const USER: &str = "portal";

/// The password it asks for.
pub(crate) const PASSWORD: &str = "password-of-the-tests";

/// On a busy machine with two cores a start takes a few seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// `nobody` of every Linux.
const NOBODY: u32 = 65_534;

/// Where Debian and others keep the programs.
const PLACES: [&str; 3] = [
    "/usr/lib/postgresql",
    "/usr/pgsql",
    "/opt/homebrew/opt/postgresql",
];

/// A server; it ends with the process at the latest.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    folder: PathBuf,
    /// Whether the folder goes with the server; nobody drops the one for all tests.
    goes_with_it: bool,
    command: Vec<String>,
    running: Mutex<Option<Guarded>>,
}

impl Postgres {
    /// The one for all tests; each takes databases of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::with(true, |_| Vec::new()))
    }

    /// One for this test alone, which may stop and resume it.
    pub(crate) fn own() -> Self {
        Self::with(false, |_| Vec::new())
    }

    /// The same, speaking TLS with this certificate and key.
    pub(crate) fn encrypted(certificate: &str, key: &str) -> Self {
        Self::with(false, |folder| {
            let certificate = file(folder, "server.crt", certificate);
            let key = file(folder, "server.key", key);
            let (certificate, key) = (certificate.display(), key.display());
            vec![
                "ssl=on".to_owned(),
                format!("ssl_cert_file={certificate}"),
                format!("ssl_key_file={key}"),
            ]
        })
    }

    fn with(goes_with_it: bool, settings: impl Fn(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::Builder::new().prefix("stagedoor-postgres-").tempdir();
        let folder = folder.unwrap().keep();
        give_away(&folder);
        let programs = programs();
        make(&programs, &folder);
        let port = free_port();
        let data = folder.join("data").display().to_string();
        let program = programs.join("postgres").display().to_string();
        let mut command = unprivileged();
        command.extend([program, "-D".to_owned(), data, format!("-cport={port}")]);
        command.extend(FLAGS.iter().map(|flag| format!("-c{flag}")));
        command.extend(settings(&folder).iter().map(|flag| format!("-c{flag}")));
        let server = Self {
            port,
            folder,
            goes_with_it,
            command,
            running: Mutex::default(),
        };
        server.resume();
        server
    }

    /// `postgres://portal:…@127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would.
    pub(crate) fn stop(&self) {
        self.running.lock().take();
    }

    /// Starts it with the data it had, on the same port, and waits until it serves.
    pub(crate) fn resume(&self) {
        let log = self.folder.join("postgres.log");
        let _ = fs::remove_file(&log);
        // Ended by QUIT it leaves no shared memory behind.
        let folder = self.goes_with_it.then_some(self.folder.as_path());
        let server = Guarded::start_until("QUIT", &self.command, &log, folder);
        let end = Instant::now() + LIMIT;
        while !server.log().contains("ready to accept connections") {
            assert!(
                Instant::now() < end,
                "PostgreSQL does not serve:\n{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        *self.running.lock() = Some(server);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Nothing of it outlives the machine, so nothing needs to reach the disk; but a server that is stopped keeps what it
/// has told us it wrote.
const FLAGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=16MB",
];

/// Makes the folder of a server.
fn make(programs: &Path, folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    give_away(&password);
    let mut command = unprivileged();
    command.push(programs.join("initdb").display().to_string());
    let made = Command::new(command.first().unwrap())
        .args(&command[1..])
        .args([
            "--auth=scram-sha-256",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .arg(format!("--username={USER}"))
        .arg(format!("--pwfile={}", password.display()))
        .arg(format!("--pgdata={}", folder.join("data").display()))
        .current_dir(folder)
        .output()
        .expect("initdb starts");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "initdb failed: {said}");
}

/// A file that the server alone may read.
fn file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    give_away(&path);
    path
}

/// How a program is started by somebody who is not root.
fn unprivileged() -> Vec<String> {
    let words: &[&str] = if is_root() {
        &[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
        ]
    } else {
        &["env"]
    };
    words.iter().map(ToString::to_string).collect()
}

fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let versions = PLACES.iter().flat_map(fs::read_dir).flatten().flatten();
    let mut found: Vec<_> = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("PostgreSQL is installed; run tests/run, or apt-get install postgresql")
}

/// Below the ports that the system gives to connections by itself.
fn free_port() -> u16 {
    let random = || 12_000 + u16::try_from(uuid::Uuid::new_v4().as_u64_pair().0 % 20_000).unwrap();
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(random).find(free).unwrap()
}
