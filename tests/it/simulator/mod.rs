//! What the simulator promises: the behaviour of Spacelift's API as far as it is public, and faults on demand.

mod client;
mod documents;
mod faults;
mod runs;
mod sessions;
mod stacks;
