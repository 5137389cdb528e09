//! The simulator on its own, over TLS, for the benchmark: `simulator CA_FILE [STACKS]`.
//!
//! Writes its certificate authority to the file, prints its address, then answers each line on standard input with
//! one line: `counters`, `reset`, `latency <ms>`, `revoke`.

use std::{error::Error, io::Write, sync::Arc, time::Duration};

use serde_json::json;
use stagedoor::{
    infra::tasks::Tasks,
    simulator::{Simulator, SimulatorSettings, generate_stacks},
};

/// The size of list the targets are stated for.
const DEFAULT_STACKS: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    stagedoor::infra::install_crypto_provider();
    let mut arguments = std::env::args().skip(1);
    let ca_file = arguments.next().ok_or("usage: simulator CA_FILE [STACKS]")?;
    let stacks = arguments.next().map_or(Ok(DEFAULT_STACKS), |text| text.parse())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let settings = SimulatorSettings {
        stacks: generate_stacks(stacks),
        token_lifetime: Duration::from_secs(24 * 3600),
        accept_empty_parentheses: true,
        tls: Some(tls(&ca_file)?),
        ..SimulatorSettings::default()
    };
    let tasks = Tasks::default();
    let simulator = Simulator::start(listener, settings, &tasks)?;
    say(&format!("localhost:{}", simulator.address().port()))?;
    // The runtime's own threads serve; this one may block.
    for line in std::io::stdin().lines() {
        say(&obey(&simulator, &line?))?;
    }
    Ok(())
}

fn obey(simulator: &Simulator, line: &str) -> String {
    let mut words = line.split_whitespace();
    match (words.next(), words.next().and_then(|number| number.parse().ok())) {
        (Some("counters"), _) => {
            let counters = simulator.counters();
            json!({
                "logins": counters.logins(),
                "lists": counters.lists(),
                "refused": counters.refused_documents,
                "maxConcurrent": counters.max_concurrent,
            })
            .to_string()
        }
        (Some("latency"), Some(milliseconds)) => {
            simulator.set_latency(Duration::from_millis(milliseconds));
            "ok".to_owned()
        }
        (Some("reset"), _) => {
            simulator.reset_counters();
            "ok".to_owned()
        }
        (Some("revoke"), _) => {
            simulator.revoke_tokens();
            "ok".to_owned()
        }
        _ => "not understood".to_owned(),
    }
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Makes an authority, leaves it in the file, and a certificate for `localhost`.
fn tls(ca_file: &str) -> Result<Arc<rustls::ServerConfig>, Box<dyn Error>> {
    let authority_key = rcgen::KeyPair::generate()?;
    let mut authority = rcgen::CertificateParams::new(Vec::new())?;
    // Node takes a certificate whose issuer has its own name for a self-signed one.
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Stagedoor benchmark authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(ca_file, authority.self_signed(&authority_key)?.pem())?;
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate()?;
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let private_key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private_key.into())?;
    Ok(Arc::new(config))
}
