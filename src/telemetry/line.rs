//! One event as one line: coloured text for people, JSON for machines.

use std::{fmt, io::Write as _};

use serde_json::Value;
use tracing::{Event, Level, field};

use super::level;
use crate::infra::clock;

/// What a line is from when its event does not name a `service` or plugin.
const SERVICE: &str = "stagedoor";

/// Fields so named hold JSON already, since an event of ours cannot hold objects.
const JSON: &str = "json.";

const GREY: &[u8] = b"\x1b[2m";
const BLUE: &[u8] = b"\x1b[34m";
const CYAN: &[u8] = b"\x1b[36m";
const PLAIN: &[u8] = b"\x1b[0m";

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For people at a terminal.
    Coloured,
    /// One JSON object per line.
    Json,
}

/// One piece of an event, for matchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) text: String,
}

/// Takes events apart and writes them; keeps its memory from line to line.
#[derive(Debug, Default)]
pub(super) struct LineWriter {
    format: Format,
    message: String,
    source: String,
    fields: Vec<u8>,
    scratch: String,
    line: Vec<u8>,
    wants_matching: bool,
    matchable: Vec<Field>,
}

impl LineWriter {
    /// Reads an event. The fields for matchers are kept only if somebody `wants_matching`.
    pub(super) fn read(&mut self, event: &Event<'_>, format: Format, wants_matching: bool) {
        self.format = format;
        self.wants_matching = wants_matching;
        self.message.clear();
        self.source.clear();
        self.fields.clear();
        self.matchable.clear();
        event.record(self);
        if wants_matching {
            let message = self.message.clone();
            self.remember("level", level::name(*event.metadata().level()));
            self.remember("message", &message);
        }
    }

    /// Returns what matchers compare with.
    pub(super) fn matchable(&self) -> &[Field] {
        &self.matchable
    }

    /// Returns the line of the event read last; `meta` are further fields from `serialised`.
    pub(super) fn write(&mut self, level: Level, meta: &[u8]) -> &[u8] {
        self.line.clear();
        self.scratch.clear();
        clock::push_iso_now(&mut self.scratch);
        if self.source.is_empty() {
            self.source.push_str(SERVICE);
        }
        match self.format {
            Format::Json => self.write_json(level, meta),
            Format::Text | Format::Coloured => self.write_text(level, meta),
        }
        self.line.push(b'\n');
        &self.line
    }

    fn write_json(&mut self, level: Level, meta: &[u8]) {
        let line = &mut self.line;
        line.extend_from_slice(b"{\"level\":\"");
        line.extend_from_slice(level::name(level).as_bytes());
        line.extend_from_slice(b"\",\"message\":");
        push_json(line, &self.message);
        line.extend_from_slice(b",\"service\":");
        push_json(line, &self.source);
        line.extend_from_slice(meta);
        line.extend_from_slice(&self.fields);
        line.extend_from_slice(b",\"timestamp\":\"");
        line.extend_from_slice(self.scratch.as_bytes());
        line.extend_from_slice(b"\"}");
    }

    fn write_text(&mut self, level: Level, meta: &[u8]) {
        let coloured = self.format == Format::Coloured;
        let line = &mut self.line;
        push_styled(line, coloured.then_some(GREY), self.scratch.as_bytes());
        line.push(b' ');
        push_styled(line, coloured.then_some(BLUE), self.source.as_bytes());
        line.push(b' ');
        push_styled(
            line,
            coloured.then_some(colour(level)),
            level::name(level).as_bytes(),
        );
        line.push(b' ');
        push_one_line(line, &self.message);
        line.extend_from_slice(meta);
        line.extend_from_slice(&self.fields);
    }

    fn remember(&mut self, name: &str, text: &str) {
        if self.wants_matching {
            self.matchable.push(Field {
                name: name.to_owned(),
                text: text.to_owned(),
            });
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.remember(name, value);
        match name {
            "message" => self.message.push_str(value),
            "service" | "plugin" => {
                self.source.clear();
                self.source.push_str(value);
            }
            _ => match name.strip_prefix(JSON) {
                Some(name) => {
                    push_name(&mut self.fields, self.format, name);
                    self.fields.extend_from_slice(value.as_bytes());
                }
                None => {
                    push_name(&mut self.fields, self.format, name);
                    push_json(&mut self.fields, value);
                }
            },
        }
    }

    fn literal(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if self.wants_matching {
            self.remember(name, &value.to_string());
        }
        push_name(&mut self.fields, self.format, name);
        // Writing to memory cannot fail.
        let _ = self.fields.write_fmt(value);
    }
}

/// Our own field names have dots; Backstage calls a plugin's id `plugin`.
fn spelled(field: &field::Field) -> &'static str {
    match field.name() {
        "plugin.id" => "plugin",
        name => name,
    }
}

impl field::Visit for LineWriter {
    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.text(spelled(field), value);
    }

    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let _ = fmt::Write::write_fmt(&mut scratch, format_args!("{value:?}"));
        self.text(spelled(field), &scratch);
        self.scratch = scratch;
    }

    fn record_u64(&mut self, field: &field::Field, value: u64) {
        self.literal(spelled(field), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &field::Field, value: i64) {
        self.literal(spelled(field), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &field::Field, value: bool) {
        self.literal(spelled(field), format_args!("{value}"));
    }
}

/// Returns further fields as they are spliced into every line.
pub(super) fn serialised(fields: &[(String, Value)], format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        push_name(&mut bytes, format, name);
        let _ = serde_json::to_writer(&mut bytes, value);
    }
    bytes
}

fn push_name(bytes: &mut Vec<u8>, format: Format, name: &str) {
    match format {
        Format::Json => {
            bytes.push(b',');
            push_json(bytes, name);
            bytes.push(b':');
        }
        Format::Text | Format::Coloured => {
            bytes.push(b' ');
            push_styled(
                bytes,
                (format == Format::Coloured).then_some(CYAN),
                name.as_bytes(),
            );
            bytes.push(b'=');
        }
    }
}

fn push_json(bytes: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(bytes, text);
}

fn push_styled(bytes: &mut Vec<u8>, style: Option<&[u8]>, text: &[u8]) {
    bytes.extend_from_slice(style.unwrap_or_default());
    bytes.extend_from_slice(text);
    if style.is_some() {
        bytes.extend_from_slice(PLAIN);
    }
}

/// A message with control characters would look like several lines, or worse on a terminal.
fn push_one_line(bytes: &mut Vec<u8>, text: &str) {
    if !text.contains(char::is_control) {
        bytes.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(bytes, "{}", character.escape_default());
        } else {
            let _ = write!(bytes, "{character}");
        }
    }
}

fn colour(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"\x1b[31m",
        Level::WARN => b"\x1b[33m",
        Level::INFO => b"\x1b[32m",
        Level::DEBUG | Level::TRACE => b"\x1b[35m",
    }
}
