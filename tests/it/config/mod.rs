//! app-config: the golden cases of the real loader, and what the real loader says to made-up configurations.

mod departures;
mod differential;
mod example;
mod fixtures;
mod generate;
mod outcome;
mod reload;
mod written;
