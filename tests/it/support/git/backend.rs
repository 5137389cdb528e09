//! Git's own HTTP backend, called as a web server calls a CGI program.

use std::{
    io::{self, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use bytes::Bytes;

/// A request as the backend wants it.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Who asks; the backend lets nobody push who has no name.
    pub(super) user: String,
}

/// Runs the backend on the repositories below the folder. Blocks.
pub(super) fn answer(root: &Path, asked: &Asked) -> (StatusCode, HeaderMap, Vec<u8>) {
    let output = run(root, asked).expect("git http-backend runs");
    let split = output.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let split = split.expect("the backend answers with headers");
    let (status, headers) = headers(std::str::from_utf8(&output[..split]).unwrap());
    (status, headers, output[split + 4..].to_vec())
}

fn run(root: &Path, asked: &Asked) -> io::Result<Vec<u8>> {
    let header = |name: &str| {
        asked
            .headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_remove("GIT_DIR")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", asked.uri.path())
        .env("QUERY_STRING", asked.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", asked.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", &asked.user)
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().unwrap();
    let body = asked.body.clone();
    // Beside the reading: either side may wait for the other.
    let writer = thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let output = child.wait_with_output()?;
    writer.join().unwrap();
    Ok(output.stdout)
}

fn headers(text: &str) -> (StatusCode, HeaderMap) {
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            status = value.split(' ').next().unwrap().parse().unwrap();
        } else {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    (status, headers)
}
