//! The architecture as a test: reads `src/` and fails on what `docs/ARCHITECTURE.md` does not allow.

mod paths;
mod registration;
mod rules;
mod size;
mod sources;
