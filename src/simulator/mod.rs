//! A Spacelift of our own for the demo, the tests and the benchmark.
//!
//! A real HTTP server with `POST /graphql` that validates every document against `schema/spacelift`, keeps stacks
//! and runs in memory and can be told to misbehave. [`Simulator::start`] is the way in. What it imitates is listed
//! in Spacelift's public documentation and clients; where those are silent the choice is said in a comment.

mod answer;
mod api;
mod clock;
mod counters;
mod faults;
mod handle;
mod resolvers;
mod run;
mod schema;
mod seed;
mod server;
mod sessions;
mod settings;
mod stack;
mod world;

pub use counters::{Counters, RecordedRequest};
pub use faults::{Fault, FaultRule, Target};
pub use handle::Simulator;
pub use run::{Outcome, Run, RunState, Transition};
pub use schema::SchemaChange;
pub use seed::{demo_stacks, generate_stacks};
pub use settings::{Pace, SimulatorSettings, WrongKeyAnswer};
pub use stack::{Lock, Space, Stack};
