//! A child process that cannot outlive the test process, however that one ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use parking_lot::Mutex;

/// Reads signals to pass on from the pipe, and says when each has been obeyed; at its end, which the kernel brings about when the test process is gone, it
/// sends the last one. The folder to remove may be empty.
const GUARD: &str = r#"
last=$1; log=$2; folder=$3; shift 3
"$@" </dev/null >>"$log" 2>&1 &
child=$!
while read -r signal; do
    kill "-$signal" "$child"
    # What is told to stop goes on for a moment.
    while [ "$signal" = STOP ] && grep -q '^State:[[:space:]]*[^Tt[:space:]]' "/proc/$child/status"; do sleep 0.01; done
    echo "$signal"
done
kill "-$last" "$child"
wait "$child"
# Whoever else writes there is ending too.
[ -z "$folder" ] || rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
"#;

/// The process; killed when dropped.
pub(crate) struct Guarded {
    shell: Child,
    pipe: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    log: PathBuf,
}

impl Guarded {
    /// Starts the command, which writes to the log; with it goes the folder.
    pub(crate) fn start(command: &[String], log: &Path, folder: Option<&Path>) -> Self {
        Self::start_until("KILL", command, log, folder)
    }

    /// The same for what must clean up: this signal ends it.
    pub(crate) fn start_until(last: &str, command: &[String], log: &Path, folder: Option<&Path>) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD, "guard", last]).arg(log);
        shell.arg(folder.unwrap_or(Path::new(""))).args(command);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal must not end the guard before what it guards.
            .process_group(0);
        let mut shell = shell.spawn().expect("sh starts");
        let ends = shell.stdin.take().zip(shell.stdout.take().map(BufReader::new));
        let pipe = Mutex::new(ends);
        Self {
            shell,
            pipe,
            log: log.to_owned(),
        }
    }

    /// Sends a signal by its name without `SIG`, and waits until it is obeyed.
    pub(crate) fn signal(&self, name: &str) {
        let mut pipe = self.pipe.lock();
        let (told, obeyed) = pipe.as_mut().expect("it was not stopped");
        writeln!(told, "{name}").expect("the guard reads");
        obeyed.read_line(&mut String::new()).expect("the guard answers");
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.pipe.lock().take());
        let _ = self.shell.wait();
    }
}

#[test]
fn what_is_guarded_ends_with_its_guard_and_so_does_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (log, inner) = (folder.path().join("log"), folder.path().join("inner"));
    fs::create_dir(&inner).unwrap();
    let command = ["sh", "-c", "echo $$; exec sleep 600"].map(str::to_owned);
    let guarded = Guarded::start(&command, &log, Some(&inner));
    let process = loop {
        match guarded.log().trim_end().parse::<u32>() {
            Ok(process) => break process.to_string(),
            Err(_) => std::thread::yield_now(),
        }
    };
    let runs = || {
        let asked = format!("kill -0 {process}");
        Command::new("sh")
            .args(["-c", &asked])
            .stderr(Stdio::null())
            .status()
    };
    assert!(runs().unwrap().success());
    drop(guarded);
    assert!(!runs().unwrap().success());
    assert!(!inner.exists());
}
