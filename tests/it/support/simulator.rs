//! The simulator on a free port, for as long as the value lives.

use stagedoor::{
    infra::tasks::Tasks,
    simulator::{Simulator, SimulatorSettings},
};
use tokio::net::TcpListener;

/// Starts a simulator with these settings.
pub async fn start(settings: SimulatorSettings) -> Simulator {
    stagedoor::infra::install_crypto_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Simulator::start(listener, settings, &Tasks::default()).unwrap()
}
