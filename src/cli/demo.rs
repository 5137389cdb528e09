//! `stagedoor demo`: everything on loopback with no account, and lines to paste that show it at work.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::TcpListener;

use super::{fail, output, refuse};
use crate::{
    app::{App, StartError, StartOptions},
    config::{self, ConfigError, ConfigReader, ConfigStore, Layer},
    infra::tasks::Tasks,
    shutdown,
    simulator::{Pace, Simulator, SimulatorSettings},
    telemetry::{self, LogEnvironment},
};

/// Beside Backstage's own 7007.
const DEFAULT_LISTEN: &str = "127.0.0.1:7008";

/// How often a stack starts a run by itself: there is something new whenever a person looks again.
const NEW_RUN_EVERY: Duration = Duration::from_secs(15);

/// A stack at rest whose runs go through to the end by themselves.
const STACK_TO_TRIGGER: &str = "development-network";

/// Where a portal's frontend runs during development.
const FRONTEND: &str = "http://localhost:3000";

/// Where a portal's backend runs during development; if one does, its users are let in as well.
const BACKSTAGE_AUTH: &str = "http://localhost:7007/api/auth";

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where to listen on this machine: `7008`, `:7008` or `127.0.0.1:7008`; 0 takes a free port.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN)]
    listen: String,
}

/// Runs the demo until told to stop.
pub(super) async fn run(args: DemoArgs) -> ExitCode {
    let address = match loopback_address(&args.listen) {
        Ok(address) => address,
        Err(problem) => return refuse(&[problem]),
    };
    match Demo::prepare(address).await {
        Ok(demo) => demo.serve().await,
        Err(StartError::Config(problems)) => refuse(&problems),
        Err(error) => fail(&error.to_string()),
    }
}

/// A demo whose sockets are bound.
struct Demo {
    listener: TcpListener,
    app: App,
    simulator_tasks: Tasks,
    welcome: String,
    log: telemetry::TelemetryGuard,
}

impl Demo {
    async fn prepare(address: SocketAddr) -> Result<Self, StartError> {
        let listener = bind(address).await?;
        let base_url = format!("http://{}", local_address(&listener)?);
        let token = random_secret();
        let simulator_tasks = Tasks::default();
        let settings = SimulatorSettings {
            api_secret: random_secret(),
            pace: Pace::Automatic {
                new_run_every: Some(NEW_RUN_EVERY),
            },
            ..SimulatorSettings::default()
        };
        let secrets = [&token, &settings.api_secret].map(|secret| secret.expose_secret().to_owned());
        let simulator = start_simulator(settings.clone(), &simulator_tasks).await?;
        let reader = app_config(&base_url, &token, &simulator.url(), &settings);
        let log = telemetry::init(&reader, LogEnvironment::default()).map_err(not_possible)?;
        log.redact(&secrets);
        let options = StartOptions {
            listen: Some(local_address(&listener)?.to_string()),
            ..StartOptions::default()
        };
        Ok(Self {
            app: App::build(ConfigStore::fixed(reader), &options)?,
            listener,
            simulator_tasks,
            welcome: welcome(&base_url, &token),
            log,
        })
    }

    async fn serve(self) -> ExitCode {
        // The socket is open already: what is pasted before the service is ready waits for it.
        output::line(&self.welcome);
        let served = self.app.serve_on(self.listener, shutdown::signal()).await;
        self.simulator_tasks.shut_down().await;
        drop(self.log);
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        }
    }
}

async fn start_simulator(settings: SimulatorSettings, tasks: &Tasks) -> Result<Simulator, StartError> {
    let listener = bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await?;
    Simulator::start(listener, settings, tasks).map_err(not_possible)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        not_possible(format!(
            "{address} cannot be used ({error}); choose another with --listen"
        ))
    })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(not_possible)
}

/// Understands a port, `:port` and `address:port`; what is not of this machine is refused, since the demo's token
/// is on the screen and in the shell's history.
fn loopback_address(text: &str) -> Result<SocketAddr, ConfigError> {
    let local = text.strip_prefix(':').unwrap_or(text);
    let local = local.replacen("localhost:", "127.0.0.1:", 1);
    let with_host = if local.contains(':') {
        local
    } else {
        format!("127.0.0.1:{local}")
    };
    let address: SocketAddr = with_host.parse().map_err(|_| {
        ConfigError::new(format!(
            "--listen {text} is not an address such as {DEFAULT_LISTEN}"
        ))
    })?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(ConfigError::new(format!(
            "--listen {text} could be reached from other machines; the demo serves 127.0.0.1 or [::1] only"
        )))
    }
}

/// What a portal would have in its app-config: the door stays shut as in production.
fn app_config(
    base_url: &str,
    token: &SecretString,
    spacelift: &str,
    settings: &SimulatorSettings,
) -> ConfigReader {
    let value = json!({
        "app": {"baseUrl": FRONTEND},
        "backend": {
            "baseUrl": base_url,
            "cors": {"origin": FRONTEND, "credentials": true},
            "auth": {"externalAccess": [{
                "type": "static",
                "options": {"token": token.expose_secret(), "subject": "demo"},
            }]},
        },
        "discovery": {"endpoints": [{"target": BACKSTAGE_AUTH, "plugins": ["auth"]}]},
        "stagedoor": {"spacelift": {"endpoint": spacelift}},
        "spacelift": {
            "hostUrl": spacelift.trim_start_matches("http://"),
            "apiKey": settings.api_key,
            "apiSecret": settings.api_secret.expose_secret(),
        },
    });
    let data = match config::from_json(value) {
        config::Value::Object(data) => data,
        _ => config::Object::default(),
    };
    let context = "demo".to_owned();
    ConfigReader::new(vec![Layer { context, data }])
}

fn random_secret() -> SecretString {
    SecretString::from(uuid::Uuid::new_v4().simple().to_string())
}

fn not_possible(problem: impl ToString) -> StartError {
    StartError::Config(vec![ConfigError::new(problem.to_string())])
}

fn welcome(base_url: &str, token: &SecretString) -> String {
    let plugin = format!("{base_url}/api/spacelift-io");
    let header = format!("-H 'Authorization: Bearer {}'", token.expose_secret());
    format!(
        "Stagedoor is at {base_url} with a simulated Spacelift behind it. The token below is good for this run only.\n\
         \n\
         Is it up?\n  \
           curl -s {plugin}/health\n\
         Which stacks are there?\n  \
           curl -s {header} {plugin}/stacks\n\
         Start a run of one of them:\n  \
           curl -s -X POST {header} {plugin}/stacks/{STACK_TO_TRIGGER}/trigger\n\
         See its state move:\n  \
           curl -s {header} {plugin}/stacks\n\
         \n\
         A frontend at {FRONTEND} may call it too. Ctrl-C stops everything."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_taken() {
        for text in ["7009", ":7009", "127.0.0.1:7009", "localhost:7009"] {
            assert_eq!(
                loopback_address(text).unwrap().to_string(),
                "127.0.0.1:7009",
                "{text}"
            );
        }
        assert_eq!(loopback_address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in ["0.0.0.0:7008", "[::]:7008", "192.168.1.5:7008"] {
            assert!(
                loopback_address(text)
                    .unwrap_err()
                    .to_string()
                    .contains("127.0.0.1"),
                "{text}"
            );
        }
        for text in ["", "seven", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(loopback_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_line_to_paste_is_a_curl_command() {
        let text = welcome("http://127.0.0.1:7008", &SecretString::from("t0ken"));
        let commands: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        assert_eq!(commands.len(), 4);
        assert!(commands.iter().all(|command| command.starts_with("curl -s ")));
    }
}
