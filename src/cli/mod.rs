//! The command line: what a person can ask of the binary.

mod check;
mod config;
mod demo;
mod healthcheck;
mod output;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::Runtime;

use crate::{
    app::StartOptions,
    config::{ConfigError, ConfigStore, Environment, LoadOptions, every_secret},
    telemetry::LogEnvironment,
};

/// Exit code for a configuration that cannot be used (`EX_USAGE` of sysexits).
const EXIT_CONFIG: u8 = 64;

/// Backstage's Spacelift and SKE/Kratix backends as one small binary.
#[derive(Debug, Parser)]
#[command(name = "stagedoor", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portal (the default).
    Serve(ServeArgs),
    /// Try every upstream with the real credentials; one line each, non-zero when one fails.
    Check(ConfigArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show everything at work on loopback, with a simulated Spacelift and no account.
    Demo(demo::DemoArgs),
    /// Ask a running Stagedoor whether it is ready; for container health checks.
    Healthcheck(ServeArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the merged configuration as Backstage reads it.
    Print(PrintArgs),
    /// Check the sections this binary owns, and what the files take from one another.
    Check(ConfigArgs),
    /// Print the lines that the portal's configuration still lacks, as a file to be named last.
    Lines(ConfigArgs),
}

/// Which files to read: the same rules as Backstage.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// An app-config file, repeatable, later wins. Without it app-config.yaml and its companions are found.
    #[arg(long = "config", value_name = "FILE")]
    config: Vec<String>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where to listen: `7008`, `:7008`, `host:7008` or `[::1]:7008`. Wins over stagedoor.listen and backend.listen.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
struct PrintArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Print secrets as they are.
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

/// Runs the command the arguments ask for, on a runtime of its own.
pub fn start(cli: Cli, environment: Environment) -> ExitCode {
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(run(cli, environment)),
        Err(error) => fail(&format!("The system gives no threads: {error}")),
    }
}

async fn run(cli: Cli, environment: Environment) -> ExitCode {
    match cli.command {
        None => serve::run(cli.serve, environment).await,
        Some(Command::Serve(args)) => serve::run(args, environment).await,
        Some(Command::Check(args)) => check::run(args, environment).await,
        Some(Command::Config(ConfigCommand::Print(args))) => config::print(args, environment).await,
        Some(Command::Config(ConfigCommand::Check(args))) => config::check(args, environment).await,
        Some(Command::Config(ConfigCommand::Lines(args))) => config::lines(args, environment).await,
        Some(Command::Demo(args)) => demo::run(args).await,
        Some(Command::Healthcheck(args)) => healthcheck::run(args, environment).await,
    }
}

impl ConfigArgs {
    fn options(&self, environment: &Environment) -> Result<LoadOptions, ExitCode> {
        LoadOptions::new(self.config.clone(), PathBuf::from("."), environment.clone())
            .map_err(|problem| refuse(&[problem]))
    }

    /// Reads the files; a failure is told and becomes the exit code.
    async fn open(&self, environment: Environment) -> Result<Opened, ExitCode> {
        let options = self.options(&environment)?;
        let store = ConfigStore::open(options)
            .await
            .map_err(|problem| refuse(&[problem]))?;
        output::mask(&every_secret(&store.reader(), &environment));
        Ok(Opened { store, environment })
    }
}

/// A configuration that could be read, and the environment it was read in.
struct Opened {
    store: ConfigStore,
    environment: Environment,
}

impl Opened {
    fn start_options(&self, listen: Option<String>) -> StartOptions {
        let ca_files = self
            .environment
            .ca_files()
            .into_iter()
            .map(str::to_owned)
            .collect();
        StartOptions { listen, ca_files }
    }

    fn log_environment(&self) -> LogEnvironment {
        let variable = |name| self.environment.get(name).map(str::to_owned);
        LogEnvironment {
            log_level: variable("LOG_LEVEL"),
            node_env: variable("NODE_ENV"),
            rust_log: variable("RUST_LOG"),
        }
    }
}

/// Tells every problem of the configuration and returns exit code 64.
fn refuse(problems: &[ConfigError]) -> ExitCode {
    output::error_line("The configuration cannot be used:");
    for problem in problems {
        output::error_line(&format!("  - {problem}"));
    }
    ExitCode::from(EXIT_CONFIG)
}

/// Says what failed outside the configuration and returns exit code 1.
fn fail(message: &str) -> ExitCode {
    output::error_line(message);
    ExitCode::FAILURE
}
