//! The handle that starts a simulator, steers it and reads what happened.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    api::Api,
    counters::{Counters, RecordedRequest, Recorder},
    faults::{Fault, FaultRule, Faults, Target},
    schema::SchemaChange,
    server::{Shared, serve},
    settings::{Pace, SimulatorSettings, WrongKeyAnswer},
    stack::{Lock, Stack},
    world::World,
};
use crate::infra::tasks::Tasks;

/// How often automatic time moves: fine enough that a person sees no jumps.
const TICK: Duration = Duration::from_millis(200);

/// A running simulator. Cheap to clone; it stops with its tasks or by [`Simulator::stop`].
#[derive(Clone)]
pub struct Simulator {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Serves on the listener until the tasks are shut down.
    ///
    /// Fails if the listener has no address or our own schema is invalid.
    pub fn start(listener: TcpListener, settings: SimulatorSettings, tasks: &Tasks) -> io::Result<Self> {
        let api = Api::new(settings.accept_empty_parentheses).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            api,
            world: Mutex::new(World::new(&settings)),
            faults: Mutex::new(Faults::default()),
            recorder: Mutex::new(Recorder::default()),
            latency: Mutex::new(settings.latency),
            stopped: CancellationToken::new(),
        });
        let simulator = Self {
            address: listener.local_addr()?,
            scheme: if settings.tls.is_some() { "https" } else { "http" },
            shared: Arc::clone(&shared),
        };
        if let Pace::Automatic { new_run_every } = settings.pace {
            tasks.spawn_until_shutdown(keep_moving(Arc::clone(&shared), new_run_every));
        }
        let tls = settings.tls.map(TlsAcceptor::from);
        tasks.spawn_until_shutdown(serve(listener, tls, shared));
        Ok(simulator)
    }

    /// The address of the account, such as `http://127.0.0.1:4711`; the API is at `/graphql` below it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The socket's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener and all connections: the host is down.
    pub fn stop(&self) {
        self.shared.stopped.cancel();
    }

    /// Lets simulated time pass; runs take the steps that are due and sessions expire.
    pub fn advance(&self, duration: Duration) {
        self.shared.world.lock().advance(duration);
    }

    /// Totals since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.shared.recorder.lock().totals()
    }

    /// The newest requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.recorder.lock().remembered()
    }

    /// The newest requests that asked for the root field, oldest first.
    pub fn requests_for(&self, field: &str) -> Vec<RecordedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.fields.iter().any(|name| name == field));
        requests
    }

    /// Sets all counts to zero and forgets the requests.
    pub fn reset_counters(&self) {
        self.shared.recorder.lock().reset();
    }

    /// Returns the stack as it is now, also one the key does not see.
    pub fn stack(&self, id: &str) -> Option<Stack> {
        self.shared.world.lock().stack(id).cloned()
    }

    /// Replaces all stacks.
    pub fn set_stacks(&self, stacks: Vec<Stack>) {
        self.shared.world.lock().set_stacks(stacks);
    }

    /// Changes a stack in any way; false when there is none with the id.
    pub fn update_stack(&self, id: &str, change: impl FnOnce(&mut Stack)) -> bool {
        self.shared.world.lock().stack_mut(id).map(change).is_some()
    }

    /// Shows a stack in a state, also one no client knows yet; false when there is no such stack or the name
    /// cannot be one of GraphQL's.
    pub fn set_stack_state(&self, id: &str, state: &str) -> bool {
        self.shared.api.learn_stack_state(state).is_ok()
            && self.update_stack(id, |stack| state.clone_into(&mut stack.state))
    }

    /// Plays a Spacelift whose schema differs at a coordinate such as `Stack.lockNote` or `Mutation.runConfirm(note:)`; the
    /// error says why there can be no such schema.
    pub fn change_schema(&self, coordinate: &str, change: SchemaChange) -> Result<(), String> {
        self.shared.api.change_schema(coordinate, change)
    }

    /// Locks a stack in somebody's name from now on; false when there is none with the id.
    pub fn lock_stack(&self, id: &str, by: &str) -> bool {
        let at = self.shared.world.lock().now.seconds();
        let lock = Lock {
            by: by.to_owned(),
            at,
            note: None,
        };
        self.update_stack(id, |stack| stack.lock = Some(lock))
    }

    /// Ends all sessions; the key still works.
    pub fn revoke_tokens(&self) {
        self.shared.world.lock().sessions.revoke_all();
    }

    /// Revokes the key, its sessions included, or gives it back.
    pub fn revoke_key(&self, revoked: bool) {
        self.shared.world.lock().sessions.key_revoked = revoked;
    }

    /// Replaces the key's secret; sessions go on.
    pub fn rotate_secret(&self, secret: SecretString) {
        self.shared.world.lock().sessions.set_secret(secret);
    }

    /// Sets the life of sessions made from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.world.lock().sessions.lifetime = lifetime;
    }

    /// Adds so many seconds to the `validUntil` that logins are told, while sessions end as before.
    pub fn skew_valid_until(&self, seconds: i64) {
        self.shared.world.lock().sessions.valid_until_skew = seconds;
    }

    /// Sets the answer to a wrong key.
    pub fn answer_wrong_keys_with(&self, answer: WrongKeyAnswer) {
        self.shared.world.lock().wrong_key = answer;
    }

    /// Sets the time before each answer.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.lock() = latency;
    }

    /// Lets the next `times` calls of the target go wrong, after those of earlier rules.
    pub fn fail(&self, target: Target, times: u32, fault: Fault) {
        self.add_rule(FaultRule {
            target,
            times: Some(times),
            fault,
        });
    }

    /// Lets all calls of the target go wrong until the faults are cleared.
    pub fn always_fail(&self, target: Target, fault: Fault) {
        self.add_rule(FaultRule {
            target,
            times: None,
            fault,
        });
    }

    /// Ends all faults that are still in force.
    pub fn clear_faults(&self) {
        self.shared.faults.lock().clear();
    }

    fn add_rule(&self, rule: FaultRule) {
        self.shared.faults.lock().add(rule);
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn keep_moving(shared: Arc<Shared>, new_run_every: Option<Duration>) {
    let mut since_last_run = Duration::ZERO;
    loop {
        tokio::time::sleep(TICK).await;
        let mut world = shared.world.lock();
        world.advance(TICK);
        since_last_run += TICK;
        if new_run_every.is_some_and(|interval| since_last_run >= interval) {
            since_last_run = Duration::ZERO;
            world.start_one();
        }
    }
}
