//! The plugin `ske` from the portal's request to a real API server and back.

mod identity;
mod kubernetes;
mod portal;
mod silence;
