//! In front of a portal: what is ours stays here, everything else reaches the backend behind us as it came.

mod circles;
mod endings;
mod faults;
mod ownership;
mod passing;
mod portal;
mod proxies;
mod streams;
