//! app-config: the golden cases of the real loader, and what the real loader says to made-up configurations.

mod fixtures;
mod outcome;
