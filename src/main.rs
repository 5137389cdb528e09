//! Arguments → configuration → telemetry → build → serve → exit code.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    stagedoor::infra::install_crypto_provider();
    stagedoor::cli::run(stagedoor::cli::Cli::parse()).await
}
