//! A change that waits for its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Instant,
};

use git2::Oid;
use tokio::sync::oneshot;

use super::{commit::Change, error::GitError, tip::CommitId};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The commit made for it, which is on the branch.
    Committed(CommitId),
    /// There was nothing to change; the branch is here (nowhere in an empty repository).
    Unchanged(Option<CommitId>),
}

impl Written {
    /// The commit that holds what was wanted.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Committed(commit) => Some(*commit),
            Self::Unchanged(commit) => *commit,
        }
    }
}

/// Nothing of it was sent; whoever waits may give up and know that nothing was written.
const WAITING: u8 = 0;
/// It is on its way to the server, or was and nobody knows what became of it.
const SENT: u8 = 1;
/// Whoever waited gave up.
const GONE: u8 = 2;

/// How far a change is, shared by who waits and who writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage(Arc<AtomicU8>);

impl Stage {
    /// Begins to send; false if nobody wants it any more.
    pub(super) fn begin(&self) -> bool {
        self.swap(WAITING, SENT) || self.0.load(Ordering::Acquire) == SENT
    }

    /// It is certain that what was sent has not been taken.
    pub(super) fn take_back(&self) {
        self.swap(SENT, WAITING);
    }

    /// The error for one who waited long enough.
    pub(super) fn give_up(&self) -> GitError {
        if self.swap(WAITING, GONE) {
            GitError::TimedOut
        } else {
            GitError::Undecided
        }
    }

    /// The error for one whose answer was lost by a defect.
    pub(super) fn lose(&self) -> GitError {
        match self.give_up() {
            GitError::TimedOut => GitError::Internal,
            undecided => undecided,
        }
    }

    /// Whether whoever waited gave up before anything was sent.
    pub(super) fn is_gone(&self) -> bool {
        self.0.load(Ordering::Acquire) == GONE
    }

    fn swap(&self, from: u8, to: u8) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Where the answer arrives.
pub(super) type Answer = oneshot::Receiver<Result<Written, GitError>>;

/// Who waits for a change.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) stage: Stage,
    /// Nothing is sent any more after it.
    pub(super) deadline: Instant,
    reply: oneshot::Sender<Result<Written, GitError>>,
}

impl Ticket {
    /// Whether its time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// A change, who waits for it, and what was tried.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) change: Change,
    pub(super) ticket: Ticket,
    /// Rounds that ended without an answer.
    pub(super) tries: u32,
    /// Commits made for it that the server may have taken.
    pub(super) sent: Vec<Oid>,
    /// Its neighbours were refused with it: it goes by itself.
    pub(super) alone: bool,
}

impl Pending {
    pub(super) fn new(change: Change, deadline: Instant) -> (Self, Answer) {
        let (reply, answer) = oneshot::channel();
        let ticket = Ticket {
            stage: Stage::default(),
            deadline,
            reply,
        };
        let pending = Self {
            change,
            ticket,
            tries: 0,
            sent: Vec::new(),
            alone: false,
        };
        (pending, answer)
    }

    /// Answers whoever waits, if anybody does.
    pub(super) fn answer(self, answer: Result<Written, GitError>) {
        let _ = self.ticket.reply.send(answer);
    }

    /// Answers that its time is over, and what is known of it.
    pub(super) fn end(self) {
        let error = self.ticket.stage.give_up();
        self.answer(Err(error));
    }

    /// Whether a commit of it may be on the branch without our knowing.
    pub(super) fn is_undecided(&self) -> bool {
        !self.sent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_before_anything_was_sent_knows_that_nothing_was_written() {
        let stage = Stage::default();
        assert!(matches!(stage.give_up(), GitError::TimedOut));
        assert!(!stage.begin(), "nobody wants it any more");
    }

    #[test]
    fn who_gives_up_while_it_is_sent_is_told_that_the_outcome_is_not_known() {
        let stage = Stage::default();
        assert!(stage.begin());
        assert!(matches!(stage.give_up(), GitError::Undecided));
        assert!(stage.begin(), "it goes on");
    }

    #[test]
    fn what_was_certainly_not_taken_can_be_given_up_again() {
        let stage = Stage::default();
        assert!(stage.begin());
        stage.take_back();
        assert!(matches!(stage.give_up(), GitError::TimedOut));
    }
}
