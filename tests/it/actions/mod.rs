//! The actions registry over HTTP: a plugin's actions are listed, run, and refused with a reason a person gets to see.

mod callers;
mod decisions;
mod failures;
mod filters;
mod invoke;
mod limits;
mod list;
mod offered;
pub(crate) mod portal;
mod runs;
mod sample;
mod simulated;
mod spacelift;
