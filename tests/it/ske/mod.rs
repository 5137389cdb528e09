//! The plugin `ske` from the portal's request to a real API server and back.

mod kubernetes;
mod portal;
mod silence;
