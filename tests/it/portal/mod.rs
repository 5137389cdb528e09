//! A real portal: an unmodified Backstage backend that knows of Stagedoor by `docs/backstage.md` alone.

mod actions;
mod browser;
mod document;
mod failures;
mod home;
mod in_front;
mod own_tokens;
mod pending;
mod people;
mod permissions;
mod platform;
mod rotation;
mod running;
mod spacelift;
mod task;
mod templates;
mod tokens;
