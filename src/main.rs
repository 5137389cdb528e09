//! Arguments → configuration → telemetry → build → serve → exit code.

use std::process::ExitCode;

use clap::Parser;
use stagedoor::{
    cli::{self, Cli},
    config::Environment,
    infra,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    infra::install_crypto_provider();
    let environment = Environment::of_process();
    cli::start(cli, environment)
}
