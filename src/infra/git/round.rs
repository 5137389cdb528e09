//! One round of the writer: look where the branch is, put the waiting changes on it, push, and sort the outcome.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use git2::Oid;
use uuid::Uuid;

use super::{
    batch::Batch,
    engine::Engine,
    error::GitError,
    generation::Handle,
    mirror::{Known, Mirror},
    pending::Pending,
    session::Session,
    transport::{self, Advertised, Pushed, has},
};

/// How often in a round the mirror catches up with others who push meanwhile.
const CATCH_UPS: u32 = 3;

/// The longest pause after a first lost race; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What is left to do after a round.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Changes without an answer, in their order.
    pub(super) changes: Vec<Pending>,
    /// To be waited for, so that those who raced do not race again at the same instant.
    pub(super) pause: Option<Duration>,
    /// The server did not accept the credential.
    pub(super) refused: bool,
}

/// What a round is to do.
pub(super) struct Work {
    pub(super) changes: Vec<Pending>,
    /// The credential was renewed after a refusal, so that a second one is final.
    pub(super) renewed: bool,
}

/// Runs a round. Blocks.
pub(super) fn run(engine: &Engine, session: &Arc<Session>, work: Work) -> Rest {
    let mut round = Round {
        engine,
        session,
        renewed: work.renewed,
        waiting: work.changes,
        batch: Batch::default(),
        behind: false,
    };
    match round.attempt() {
        Ok(rest) => rest,
        Err(error) => round.failed(error),
    }
}

/// Tells everybody who waits that nothing can be written, except those of whom a commit may have been taken: for them
/// the server is asked again.
pub(super) fn turned_away(engine: &Engine, mut changes: Vec<Pending>, error: &GitError) -> Rest {
    changes.append(&mut engine.queue.take(usize::MAX));
    let (undecided, certain): (Vec<_>, Vec<_>) = changes.into_iter().partition(Pending::is_undecided);
    for pending in certain {
        pending.answer(Err(error.clone()));
    }
    let changes = once_more(undecided, 0, |_| GitError::Undecided);
    Rest {
        pause: pause_for(&changes),
        changes,
        refused: false,
    }
}

struct Round<'a> {
    engine: &'a Engine,
    session: &'a Arc<Session>,
    renewed: bool,
    waiting: Vec<Pending>,
    batch: Batch,
    /// The mirror lacks what the branch is at.
    behind: bool,
}

impl Round<'_> {
    fn attempt(&mut self) -> Result<Rest, GitError> {
        let engine = self.engine;
        for catch_up in 0..CATCH_UPS {
            if catch_up > 0 {
                // A server of several machines may say where the branch is before it gives what is there.
                thread::sleep(pause(catch_up));
            }
            let rest = engine.on_copy(|mirror, handle| {
                let pushed = self.push(mirror, handle)?;
                match self.behind {
                    true => Ok(None),
                    false => self.sort(pushed, mirror, handle).map(Some),
                }
            })?;
            match rest {
                Some(rest) => return Ok(rest),
                None => engine.fetch(self.session)?,
            };
        }
        Ok(self.raced())
    }

    fn push(&mut self, mirror: &Mirror, handle: &Handle) -> Result<Pushed, GitError> {
        let as_of = Instant::now();
        transport::push(handle, self.session, |advertised| {
            let tip = self.seen(mirror, handle, advertised)?;
            self.plan(mirror, handle, Known { tip, as_of })
        })
    }

    fn sort(&mut self, pushed: Pushed, mirror: &Mirror, handle: &Handle) -> Result<Rest, GitError> {
        match pushed {
            Pushed::Nothing => std::mem::take(&mut self.batch).settle(),
            Pushed::Landed => self.landed(mirror, handle),
            Pushed::Policy(error) => self.refused(&error),
            Pushed::Race => {
                // libgit2 also says so when the tip, read before, is not on the disk any more.
                handle.generation().distrust();
                return Ok(self.raced());
            }
            Pushed::Unclear => return Ok(self.in_doubt()),
            Pushed::Failed(error) => return Err(error),
        }
        Ok(self.leftover(None))
    }

    fn seen(
        &mut self,
        mirror: &Mirror,
        handle: &Handle,
        advertised: Advertised,
    ) -> Result<Option<Oid>, GitError> {
        // Late enough that those who came during the handshake share the push.
        let room = self
            .engine
            .settings
            .limits
            .most_together
            .saturating_sub(self.waiting.len());
        self.waiting.append(&mut self.engine.queue.take(room));
        self.engine.tip_of(mirror, handle, advertised)
    }

    /// Puts the waiting changes on the branch as the server has it; returns the commit to push.
    fn plan(&mut self, mirror: &Mirror, handle: &Handle, seen: Known) -> Result<Option<Oid>, GitError> {
        if self.session.is_over() {
            return Err(self.session.too_slow());
        }
        self.behind = seen.tip.is_some_and(|tip| !has(handle, tip));
        if self.behind {
            return Ok(None);
        }
        mirror.note(handle, seen)?;
        let changes = self.next_together();
        match Batch::build(handle, seen.tip, changes, self.tries()) {
            Ok(batch) => self.batch = batch,
            Err((damage, mut changes)) => {
                changes.append(&mut self.waiting);
                self.waiting = changes;
                return Err(damage);
            }
        }
        handle.generation().add_commits(self.batch.commits());
        Ok(self.batch.to_push())
    }

    /// Those who go together: all, or one at a time of those whose neighbours were refused.
    fn next_together(&mut self) -> Vec<Pending> {
        if self.waiting.iter().any(|pending| pending.alone) {
            self.waiting.drain(..1).collect()
        } else {
            std::mem::take(&mut self.waiting)
        }
    }

    fn landed(&mut self, mirror: &Mirror, handle: &Handle) {
        let batch = std::mem::take(&mut self.batch);
        if let Some(commit) = batch.to_push() {
            // If the reference cannot be written, the next fetch notes it.
            let _ = mirror.note_landed(handle, commit);
        }
        batch.settle();
    }

    fn raced(&mut self) -> Rest {
        let mut changes = std::mem::take(&mut self.batch).take_back();
        if self.behind {
            // Nobody could be put on the branch.
            changes.append(&mut self.waiting);
        }
        let again = once_more(changes, self.tries(), |tries| GitError::Contended { tries });
        self.rest_with(again)
    }

    fn in_doubt(&mut self) -> Rest {
        let changes = std::mem::take(&mut self.batch).in_doubt();
        let again = once_more(changes, self.tries(), |_| GitError::Undecided);
        self.rest_with(again)
    }

    fn tries(&self) -> u32 {
        self.engine.settings.limits.tries
    }

    /// A refused push of one commit is that change's answer; one of several is taken apart.
    fn refused(&mut self, error: &GitError) {
        let batch = std::mem::take(&mut self.batch);
        let mut changes = if batch.commits() == 1 {
            batch.refuse(error)
        } else {
            let mut changes = batch.take_back();
            changes.iter_mut().for_each(|pending| pending.alone = true);
            changes
        };
        changes.append(&mut self.waiting);
        self.waiting = changes;
    }

    fn rest_with(&mut self, mut again: Vec<Pending>) -> Rest {
        let pause = pause_for(&again);
        again.append(&mut self.waiting);
        self.waiting = again;
        self.leftover(pause)
    }

    fn leftover(&mut self, pause: Option<Duration>) -> Rest {
        let changes = std::mem::take(&mut self.waiting);
        Rest {
            pause: pause.filter(|_| !changes.is_empty()),
            changes,
            refused: false,
        }
    }

    /// The round came to nothing. A refused credential and a damaged mirror are worth another try; else everybody
    /// who waits is told, except those of whom a commit may have been taken: for them the server is asked again.
    fn failed(mut self, error: GitError) -> Rest {
        let mut changes = std::mem::take(&mut self.batch).take_back();
        changes.append(&mut self.waiting);
        if matches!(error, GitError::CredentialsRefused { .. }) && !self.renewed {
            return Rest {
                changes,
                pause: None,
                refused: true,
            };
        }
        if error.blames_the_mirror() {
            let again = once_more(changes, self.tries(), |_| error.clone());
            return self.rest_with(again);
        }
        turned_away(self.engine, changes, &error)
    }
}

/// Counts a try; who has had all of them is answered. Who may have a commit on the branch is asked about until the
/// end of the time, who gave up is not kept.
fn once_more(changes: Vec<Pending>, most: u32, error: impl Fn(u32) -> GitError) -> Vec<Pending> {
    let mut again = Vec::new();
    for mut pending in changes {
        pending.tries += 1;
        if pending.ticket.is_over() || pending.ticket.stage.is_gone() {
            pending.end();
        } else if pending.is_undecided() || pending.tries < most {
            again.push(pending);
        } else {
            let tries = pending.tries;
            pending.answer(Err(error(tries)));
        }
    }
    again
}

/// The pause for those who go on, none if nobody does.
fn pause_for(changes: &[Pending]) -> Option<Duration> {
    changes.iter().map(|pending| pending.tries).max().map(pause)
}

/// A random part of a pause that doubles with each try.
fn pause(tries: u32) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(tries.saturating_sub(1).min(6));
    let [random, ..] = Uuid::new_v4().into_bytes();
    longest * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_differ_and_stay_bounded() {
        let drawn: Vec<_> = (0..64).map(|_| pause(3)).collect();
        assert!(drawn.iter().all(|pause| *pause <= FIRST_PAUSE * 4));
        assert!(drawn.iter().any(|pause| *pause != drawn[0]), "{drawn:?}");
        assert!(pause(u32::MAX) <= FIRST_PAUSE * 64);
    }
}
