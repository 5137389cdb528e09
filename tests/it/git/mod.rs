//! The Git engine against Git's own HTTP backend.

mod concurrency;
mod full;
mod generations;
mod killed;
mod lost;
mod mirror;
mod paths;
mod reading;
mod refusals;
mod secrecy;
mod transport;
mod writing;
