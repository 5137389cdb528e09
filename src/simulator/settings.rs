//! What a simulator starts with; almost everything can be changed later through its handle.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{Stack, demo_stacks};

/// How simulated time moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Only by [`Simulator::advance`](super::Simulator::advance); for tests.
    Manual,
    /// With real time; for the demo.
    Automatic {
        /// Starts a run on the next idle stack this often, so that there is something to see.
        new_run_every: Option<Duration>,
    },
}

/// What a login with a wrong key is answered; sources disagree about the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongKeyAnswer {
    /// `apiKeyUser` is null and there is no error, as documented for an unknown key id.
    Null,
    /// `apiKeyUser` is null and the error has this message.
    Error(String),
}

/// Settings of one simulator.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Id of the only API key.
    pub api_key: String,
    /// Secret of the only API key.
    pub api_secret: SecretString,
    /// The stacks at the start.
    pub stacks: Vec<Stack>,
    /// Life of a session; public sources name values from one minute to ten hours.
    pub token_lifetime: Duration,
    /// How long a run stays in each state it leaves by itself.
    pub step: Duration,
    /// How time moves.
    pub pace: Pace,
    /// Time before each answer.
    pub latency: Duration,
    /// The answer to a wrong key.
    pub wrong_key: WrongKeyAnswer,
    /// Accepts `query X () {…}`. Spacelift does and the Node plugin sends it, but it is no GraphQL, so only the
    /// benchmark switches it on.
    pub accept_empty_parentheses: bool,
    /// Serves TLS when set; the Node plugin speaks nothing else.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Default for SimulatorSettings {
    /// A dozen stacks, manual time, no latency and a key that tests may name.
    fn default() -> Self {
        Self {
            api_key: "01JSIMULATEDKEY00000000000".to_owned(),
            api_secret: SecretString::from("simulated-secret"),
            stacks: demo_stacks(),
            token_lifetime: Duration::from_secs(3600),
            step: Duration::from_secs(2),
            pace: Pace::Manual,
            latency: Duration::ZERO,
            wrong_key: WrongKeyAnswer::Null,
            accept_empty_parentheses: false,
            tls: None,
        }
    }
}
