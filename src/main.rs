//! Args → config → telemetry → build → serve → exit code.

fn main() {}
