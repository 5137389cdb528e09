//! Where libgit2 connects to, since it follows redirects to other ports of the same host and does not say so.
//!
//! It tells only its trace, on the thread that connects, so that is listened to.

use std::cell::RefCell;

use git2::TraceLevel;

use super::remote::RemoteUrl;

/// How libgit2 begins the line; host and port follow.
const CONNECTING: &str = "Connecting to remote ";

thread_local! {
    static MET: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Hears a line of the trace.
pub(super) fn hear(_level: TraceLevel, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    if let Some(server) = line.strip_prefix(CONNECTING) {
        MET.with_borrow_mut(|met| met.push(server.to_owned()));
    }
}

/// Begins anew on this thread.
pub(super) fn forget() {
    MET.take();
}

/// Whether this thread has connected to another server than this one.
pub(super) fn strayed_from(remote: &RemoteUrl) -> bool {
    let home = format!(
        "{} port {}",
        remote.host().trim_matches(['[', ']']),
        remote.port()
    );
    MET.with_borrow(|met| met.iter().any(|server| !server.eq_ignore_ascii_case(&home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strays(url: &str, server: &str) -> bool {
        forget();
        hear(
            TraceLevel::Debug,
            format!("Connecting to remote {server}").as_bytes(),
        );
        hear(TraceLevel::Debug, b"something else");
        strayed_from(&RemoteUrl::parse(url).unwrap())
    }

    #[test]
    fn host_and_port_are_compared() {
        assert!(!strays("https://git.example.com/a", "git.example.com port 443"));
        assert!(!strays("http://[::1]:8080/a", "::1 port 8080"));
        assert!(strays("https://git.example.com/a", "git.example.com port 8443"));
        assert!(strays("https://git.example.com/a", "evil.example.com port 443"));
    }
}
