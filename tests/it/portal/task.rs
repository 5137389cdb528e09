//! A task of the scaffolder, read from the stream of events that its page reads.

use serde_json::Value;

/// A task that has ended.
#[derive(Debug)]
pub(super) struct Task {
    /// Every line of its log.
    pub(super) log: Vec<String>,
    /// What its last event says: `output`, or `error` with `name` and `message`.
    completion: Value,
}

impl Task {
    /// Reads the whole stream; panics if it ends before the task does.
    pub(super) fn read(stream: &str) -> Self {
        let (mut log, mut completion) = (Vec::new(), Value::Null);
        for event in stream.split("\n\n").filter(|event| !event.trim().is_empty()) {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            let data: Value = serde_json::from_str(data.expect("an event has data")).unwrap();
            let line = data["body"]["message"].as_str().unwrap_or_default();
            log.push(line.to_owned());
            if data["type"] == "completion" {
                completion = data["body"].clone();
            }
        }
        assert!(!completion.is_null(), "the stream ended early: {log:#?}");
        Self { log, completion }
    }

    /// How many steps ended well.
    pub(super) fn finished(&self) -> usize {
        let finished = self.log.iter().filter(|line| line.contains("Finished step"));
        finished.count()
    }

    /// The output of a task that succeeded.
    #[track_caller]
    pub(super) fn output(&self) -> &Value {
        assert!(self.completion["error"].is_null(), "it failed: {:#?}", self.log);
        &self.completion["output"]
    }

    /// What the page says of a task that failed, without the id at its end, which is another each time.
    #[track_caller]
    pub(super) fn failure(&self) -> String {
        let error = &self.completion["error"];
        let message = error["message"].as_str();
        let message = message.unwrap_or_else(|| panic!("it succeeded: {:#?}", self.completion));
        let in_log = self.log.iter().any(|line| line.contains(message));
        assert!(in_log, "the log says it too: {:#?}", self.log);
        without_id(message).to_owned()
    }
}

/// Cuts `[5f3a9c1e-2b]` off.
fn without_id(message: &str) -> &str {
    match message.rsplit_once(" [") {
        Some((sentence, id)) if id.ends_with(']') && !id.contains(' ') => sentence,
        _ => message,
    }
}

#[test]
fn a_stream_is_read_to_its_completion() {
    let stream = "event: log\ndata: {\"body\":{\"message\":\"Beginning\"},\"type\":\"log\"}\n\n\
                  event: log\ndata: {\"body\":{\"message\":\"Error: no [12ab-3]\\n at x\"},\"type\":\"log\"}\n\n\
                  event: completion\ndata: {\"body\":{\"message\":\"Run completed with status: failed\",\"error\":\
                  {\"name\":\"Error\",\"message\":\"no [12ab-3]\"}},\"type\":\"completion\"}\n\n";
    let task = Task::read(stream);
    assert_eq!((task.log.len(), task.failure()), (3, "no".to_owned()));
}
