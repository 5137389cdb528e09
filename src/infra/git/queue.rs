//! A bounded line that one worker at a time serves.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// The line, and whether somebody serves it.
#[derive(Debug)]
pub(super) struct Queue<T> {
    most: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    served: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                served: false,
            }),
        }
    }

    /// Joins the line; returns whether the caller must see to it that somebody serves it, none if the line is full.
    pub(super) fn join(&self, item: T) -> Option<bool> {
        let mut state = self.state.lock();
        if state.waiting.len() >= self.most {
            return None;
        }
        state.waiting.push_back(item);
        Some(!std::mem::replace(&mut state.served, true))
    }

    /// Takes up to so many from the front.
    pub(super) fn take(&self, most: usize) -> Vec<T> {
        let mut state = self.state.lock();
        let count = most.min(state.waiting.len());
        state.waiting.drain(..count).collect()
    }

    /// Whether somebody waits; if not, the worker is done and the next one who joins sees to another.
    pub(super) fn goes_on(&self) -> bool {
        let mut state = self.state.lock();
        state.served = !state.waiting.is_empty();
        state.served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_join_sees_to_a_worker_and_so_does_the_first_after_the_worker_is_done() {
        let queue = Queue::new(8);
        assert_eq!(queue.join(1), Some(true));
        assert_eq!(queue.join(2), Some(false));
        assert_eq!(queue.take(1), [1]);
        assert!(queue.goes_on());
        assert_eq!(queue.take(8), [2]);
        assert!(!queue.goes_on());
        assert_eq!(queue.join(3), Some(true));
    }

    #[test]
    fn a_full_line_turns_away() {
        let queue = Queue::new(1);
        assert!(queue.join(1).is_some());
        assert_eq!(queue.join(2), None);
    }
}
