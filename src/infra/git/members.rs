//! Who takes part in a round, known also to somebody who gives the round up.

use std::time::Instant;

use parking_lot::Mutex;

use super::{
    error::GitError,
    pending::{Pending, Ticket},
    queue::Queue,
};

/// The members of a round.
#[derive(Debug)]
pub(super) struct Members(Mutex<State>);

#[derive(Debug)]
struct State {
    tickets: Vec<Ticket>,
    /// The round was given up: nobody may join, and nothing may be sent.
    over: bool,
}

impl Members {
    pub(super) fn of(changes: &[Pending]) -> Self {
        Self(Mutex::new(State {
            tickets: tickets(changes),
            over: false,
        }))
    }

    /// Takes up to so many from the line, none if the round was given up.
    pub(super) fn join(&self, line: &Queue<Pending>, most: usize) -> Vec<Pending> {
        let mut state = self.0.lock();
        if state.over {
            return Vec::new();
        }
        let joined = line.take(most);
        state.tickets.append(&mut tickets(&joined));
        joined
    }

    /// Gives the round up. Those of whom nothing was sent are told; of the others it may still become known.
    pub(super) fn give_up(&self, error: &GitError) {
        let mut state = self.0.lock();
        state.over = true;
        state.tickets.iter().for_each(|ticket| ticket.refuse(error));
    }

    /// Whether the round was given up.
    pub(super) fn are_given_up(&self) -> bool {
        self.0.lock().over
    }

    /// When the last of them stops waiting, none if there are none.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.0.lock();
        state.tickets.iter().map(|ticket| ticket.deadline).max()
    }
}

fn tickets(changes: &[Pending]) -> Vec<Ticket> {
    changes.iter().map(|pending| pending.ticket.clone()).collect()
}
