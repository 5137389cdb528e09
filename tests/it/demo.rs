//! `stagedoor demo` does what its printed lines promise.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

struct Demo {
    process: Child,
    commands: Vec<String>,
}

impl Demo {
    /// Starts the binary and reads the four lines to paste.
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_stagedoor"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let commands = lines
            .by_ref()
            .map(Result::unwrap)
            .filter_map(|line| line.strip_prefix("  curl ").map(|rest| format!("curl {rest}")))
            .take(4)
            .collect();
        // Somebody must read the log, or the demo would wait for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, commands }
    }

    /// Runs a printed line as a person would.
    fn paste(&self, index: usize) -> Value {
        let output = Command::new("sh")
            .args(["-c", &self.commands[index]])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", self.commands[index]);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn state_in(list: &Value, stack: &str) -> String {
        let mut stacks = list.as_array().unwrap().iter();
        let found = stacks.find(|entry| entry["id"] == stack).unwrap();
        found["state"].as_str().unwrap().to_owned()
    }

    fn stop(mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.process.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_printed_lines_list_stacks_trigger_one_and_show_its_new_state() {
    let demo = Demo::start();
    assert_eq!(demo.commands.len(), 4);
    assert_eq!(demo.paste(0)["status"], "ok");
    let before = demo.paste(1);
    assert_eq!(before.as_array().unwrap().len(), 12);
    assert_eq!(Demo::state_in(&before, "development-network"), "FINISHED");
    assert_eq!(demo.paste(2)["state"], "QUEUED");
    let after = Demo::state_in(&demo.paste(3), "development-network");
    assert!(["READY", "PREPARING"].contains(&after.as_str()), "{after}");
}

#[test]
fn the_demo_keeps_the_door_shut_to_those_without_the_token() {
    let demo = Demo::start();
    let list = &demo.commands[1];
    let (before, after) = list.split_once("Bearer ").unwrap();
    let forged = format!("{before}Bearer x{after}").replace("curl ", "curl -o /dev/null -w '%{http_code}' ");
    let output = Command::new("sh").args(["-c", &forged]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "401");
}

#[test]
fn the_demo_stops_cleanly() {
    let demo = Demo::start();
    demo.paste(0);
    assert_eq!(demo.stop(), Some(0));
}

#[test]
fn the_demo_refuses_to_be_reached_from_outside() {
    let output = Command::new(env!("CARGO_BIN_EXE_stagedoor"))
        .args(["demo", "--listen", "0.0.0.0:7008"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("127.0.0.1"));
}
