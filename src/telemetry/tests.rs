//! What a line looks like, which lines are written, and that secrets are not in them.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use tracing::{debug, dispatcher, error, info, warn};

use super::{LogEnvironment, TelemetryError, TelemetryGuard, build, output, panic};
use crate::infra::http_server::testing::config;

/// Collects what is written.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.take()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn environment(log_level: Option<&str>, node_env: Option<&str>) -> LogEnvironment {
    LogEnvironment {
        log_level: log_level.map(str::to_owned),
        node_env: node_env.map(str::to_owned),
        rust_log: None,
    }
}

fn logging(
    json: &str,
    environment: LogEnvironment,
    is_terminal: bool,
    work: impl FnOnce(&Written, &TelemetryGuard),
) {
    let written = Written::default();
    let sink = written.clone();
    let (dispatch, guard) = build(&config(json), environment, is_terminal, move || sink.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, || work(&written, &guard));
}

#[test]
fn in_production_a_line_is_one_json_object() {
    let json = r#"{"backend":{"logger":{"meta":{"region":"eu","shard":3}}}}"#;
    logging(json, environment(None, Some("production")), true, |written, _| {
        info!(
            stack.id = "a\"b",
            count = 2,
            ok = true,
            missing = None::<&str>,
            "Triggered\n\"it\""
        );
        let line = written.json();
        assert_eq!(line["level"], "info");
        assert_eq!(line["message"], "Triggered\n\"it\"");
        assert_eq!(line["service"], "stagedoor");
        assert_eq!((&line["region"], &line["shard"]), (&"eu".into(), &3.into()));
        assert_eq!(
            (&line["stack.id"], &line["count"], &line["ok"]),
            (&"a\"b".into(), &2.into(), &true.into())
        );
        assert!(line.get("missing").is_none());
        assert_eq!(line["timestamp"].as_str().unwrap().len(), 24);
        error!(plugin.id = "ske", error = %io::Error::other("cause"), "Failed");
        let line = written.json();
        assert_eq!(
            (&line["service"], &line["error"]),
            (&"ske".into(), &"cause".into())
        );
    });
}

#[test]
fn elsewhere_a_line_is_text_and_never_more_than_one_line() {
    logging("{}", environment(None, None), false, |written, _| {
        warn!(key = "v\n", "two\nlines \x1b[2J");
        let line = written.take();
        let (time, rest) = line.split_at(24);
        assert!(time.ends_with('Z'), "{time}");
        assert_eq!(rest, " stagedoor warn two\\nlines \\u{1b}[2J key=\"v\\n\"\n");
    });
}

#[test]
fn only_a_terminal_gets_colours() {
    logging("{}", environment(None, None), true, |written, _| {
        info!("hello");
        assert!(written.take().contains("\x1b[32minfo\x1b[0m hello"));
    });
    logging(
        "{}",
        environment(None, Some("development")),
        false,
        |written, _| {
            info!("hello");
            assert!(!written.take().contains('\x1b'));
        },
    );
}

#[test]
fn the_environment_sets_the_level_before_the_configuration() {
    let json = r#"{"backend":{"logger":{"level":"error"}}}"#;
    let lines = |log_level| {
        let mut count = 0;
        logging(json, environment(log_level, None), false, |written, _| {
            error!("e");
            warn!("w");
            info!("i");
            debug!("d");
            count = written.take().lines().count();
        });
        count
    };
    assert_eq!(lines(None), 1);
    assert_eq!(lines(Some("warn")), 2);
    assert_eq!(lines(Some("http")), 3);
    assert_eq!(lines(Some("loud")), 4);
}

#[test]
fn libraries_are_heard_from_warn_up_only() {
    logging("{}", environment(Some("silly"), None), false, |written, _| {
        info!(target: "hyper::proto", "headers");
        info!(target: "stagedoorknob", "not ours");
        assert_eq!(written.take(), "");
        warn!(target: "rustls", "trouble");
        assert!(written.take().contains("trouble"));
    });
}

#[test]
fn a_developers_filter_wins() {
    let environment = LogEnvironment {
        rust_log: Some("hyper=debug".to_owned()),
        ..environment(Some("error"), None)
    };
    logging("{}", environment, false, |written, _| {
        debug!(target: "hyper", "seen");
        info!(target: "stagedoor", "unseen");
        let text = written.take();
        assert!(text.contains("seen") && !text.contains("unseen"), "{text}");
    });
}

#[test]
fn an_override_decides_for_the_lines_it_matches() {
    let json = r#"{"backend":{"logger":{"level":"info","overrides":[
        {"matchers":{"service":"rootHttpRouter","url":["/health","/^\\/live/"]},"level":"error"},
        {"matchers":{"plugin":"ske"},"level":"debug"}]}}}"#;
    // The service of an event is its source; matchers see it under its own name.
    logging(json, environment(None, None), false, |written, _| {
        info!(service = "rootHttpRouter", url = "/health", "one");
        info!(service = "rootHttpRouter", url = "/liveness", "two");
        info!(service = "rootHttpRouter", url = "/stacks", "three");
        debug!(plugin.id = "ske", "four");
        debug!("five");
        let text = written.take();
        let seen: Vec<bool> = ["one", "two", "three", "four", "five"]
            .map(|word| text.contains(word))
            .into();
        assert_eq!(seen, [false, false, true, true, false], "{text}");
    });
}

#[test]
fn a_reload_changes_levels_and_a_wrong_one_changes_nothing() {
    logging("{}", environment(None, None), false, |written, guard| {
        let chatter = || debug!("chatter");
        chatter();
        assert_eq!(written.take(), "");
        guard
            .follow(&config(r#"{"backend":{"logger":{"level":"debug"}}}"#))
            .unwrap();
        chatter();
        assert!(written.take().contains("chatter"));
        let wrong = config(r#"{"backend":{"logger":{"level":7,"overrides":[{"level":"info"}]}}}"#);
        assert_eq!(guard.follow(&wrong).unwrap_err().len(), 2);
        chatter();
        assert!(written.take().contains("chatter"));
    });
}

#[test]
fn secrets_are_masked_wherever_they_stand() {
    logging(
        "{}",
        environment(None, Some("production")),
        false,
        |written, guard| {
            guard.redact(&["hush-hush".to_owned()]);
            info!(url = "/x?token=hush-hush", "it is hush-hush");
            let text = written.take();
            assert!(
                !text.contains("hush") && text.matches("***").count() == 2,
                "{text}"
            );
            guard.redact(&[]);
            info!("hush-hush");
            assert!(!written.take().contains("hush-hush"), "masked after a reload too");
        },
    );
}

#[test]
fn wrong_settings_are_all_reported_without_values() {
    let json = config(
        r#"{"backend":{"logger":{"level":["hush"],"meta":"hush","overrides":[{"matchers":{"a":"/(/"},"level":"info"}]}}}"#,
    );
    let error = build(&json, LogEnvironment::default(), false, io::sink).unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.contains("backend.logger.overrides[0].matchers.a") && !text.contains("hush"),
        "{text}"
    );
    let filter = LogEnvironment {
        rust_log: Some("a=b=c".to_owned()),
        ..LogEnvironment::default()
    };
    let refused = build(&config("{}"), filter, false, io::sink);
    assert!(matches!(refused, Err(TelemetryError::Filter)));
}

#[test]
fn an_empty_rust_log_counts_as_unset() {
    let empty = LogEnvironment {
        rust_log: Some(String::new()),
        ..environment(Some("warn"), Some("production"))
    };
    logging("{}", empty, false, |written, _| {
        info!("below the level");
        debug!("far below the level");
        warn!("at the level");
        assert_eq!(written.json()["message"], "at the level");
    });
}

#[test]
fn a_panic_is_a_masked_line_with_its_place() {
    logging(
        "{}",
        environment(None, Some("production")),
        false,
        |written, log| {
            log.redact(&["hush-hush".to_owned()]);
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(panic::log));
            let caught = std::panic::catch_unwind(|| panic!("stumbled over {}", "hush-hush"));
            std::panic::set_hook(before);
            assert!(caught.is_err());
            let line = written.json();
            assert_eq!(line["level"], "error");
            assert!(
                line["message"].as_str().unwrap().ends_with("stumbled over ***"),
                "{line}"
            );
            assert!(line["location"].as_str().unwrap().contains("tests.rs:"), "{line}");
        },
    );
}

/// A reader of standard output that waits until it is let go.
struct Stalled(std::sync::mpsc::Receiver<()>, Written);

impl io::Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the other end is gone, nothing waits any more.
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_stops_loses_lines_and_is_told_how_many_but_holds_nobody_up() {
    let (let_go, gate) = std::sync::mpsc::channel();
    let written = Written::default();
    let output = output::queued(Stalled(gate, written.clone()), 4);
    let (dispatch, _log) = build(
        &config("{}"),
        environment(None, Some("production")),
        false,
        output.writer,
    )
    .unwrap();
    output.losses.report_to(&dispatch);
    // Far more than the queue and all buffers hold.
    dispatcher::with_default(&dispatch, || {
        (0..50_000).for_each(|number| info!(number, "a line"))
    });
    drop(let_go);
    let begun = Instant::now();
    let mut text = String::new();
    while !text.contains("log lines were lost") && begun.elapsed().as_secs() < 20 {
        text += &written.take();
        std::thread::yield_now();
    }
    assert!(
        text.contains("log lines were lost because standard output"),
        "no report"
    );
    drop(output.flusher);
}

/// Counts how often it is written to.
struct Counted(Arc<AtomicUsize>, Written);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Relaxed);
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_come_one_after_the_other_are_written_together_and_the_last_ones_too() {
    const LINES: usize = 5000;
    let (writes, written) = (Arc::new(AtomicUsize::new(0)), Written::default());
    let output = output::queued(Counted(Arc::clone(&writes), written.clone()), LINES);
    let (dispatch, _log) = build(
        &config("{}"),
        environment(None, Some("production")),
        false,
        output.writer,
    )
    .unwrap();
    let begun = Instant::now();
    dispatcher::with_default(&dispatch, || {
        for number in 0..LINES {
            info!(number, "a line");
            std::thread::yield_now();
        }
    });
    drop(output.flusher);
    let rests = begun.elapsed().as_millis() / output::REST.as_millis();
    let written = written.take();
    assert_eq!(written.lines().count(), LINES);
    // One before each rest and the last ones, and one for each time the buffer was full.
    let most = usize::try_from(rests).unwrap() + 2 + 2 * written.len() / output::WRITE_BUFFER;
    let writes = writes.load(Relaxed);
    assert!(writes <= most, "{writes} writes in {rests} rests");
}
