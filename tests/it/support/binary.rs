//! The real binary as a child process: its arguments, an environment of its own, everything it prints.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// No test waits longer than this for the binary.
const LIMIT: Duration = Duration::from_secs(60);

/// What the service says once its socket is open; the address follows.
const LISTENING: &str = "Listening on ";

/// A started `stagedoor`; killed when dropped.
pub struct Binary {
    child: Child,
    printed: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

impl Binary {
    /// Starts the binary in the folder with these arguments and nothing but this environment.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stagedoor"));
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(environment.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let printed = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        collect(child.stdout.take().unwrap(), &printed, sender.clone());
        collect(child.stderr.take().unwrap(), &printed, sender);
        Self {
            child,
            printed,
            lines,
        }
    }

    /// Waits until the socket is open; returns `http://<address>`.
    pub fn base(&self) -> String {
        let end = Instant::now() + LIMIT;
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            if let Some((_, after)) = line.split_once(LISTENING) {
                let address = after
                    .split(['"', ' ', ',', '\n', '\u{1b}'])
                    .next()
                    .unwrap_or_default();
                return format!("http://{address}");
            }
        }
        panic!("it does not listen; it said:\n{}", self.printed());
    }

    /// Waits until it ends by itself; returns how, and everything it printed.
    pub fn ended(mut self) -> (ExitStatus, String) {
        self.drain();
        let status = self.child.wait().expect("it can be waited for");
        (status, self.printed())
    }

    /// Asks it to stop, as a container engine does; returns how it ended and everything it printed.
    pub fn terminated(self) -> (ExitStatus, String) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        assert!(sent.expect("kill starts").success());
        self.ended()
    }

    fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Reads until both of its outputs are closed, which is when it has ended.
    fn drain(&self) {
        let end = Instant::now() + LIMIT;
        while self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .is_ok()
        {}
        assert!(
            Instant::now() < end,
            "it does not end; it said:\n{}",
            self.printed()
        );
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, printed: &Arc<Mutex<String>>, lines: Sender<String>) {
    let printed = Arc::clone(printed);
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            printed.lock().unwrap().push_str(&text);
            // Nobody may be waiting for lines any more; the text is kept all the same.
            let _ = lines.send(text);
            line.clear();
        }
    });
}
