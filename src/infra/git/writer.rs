//! The worker that serves the line of changes, one round after the other.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout_at},
};

use super::{
    engine::Engine,
    error::GitError,
    members::Members,
    round::{self, Rest, Work},
    talk::Talk,
};
use crate::infra::tasks::Tasks;

/// Serves the line until nobody waits.
pub(super) fn write_all(engine: Arc<Engine>, tasks: Tasks) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut serving = Serving { engine, ended: false };
        let mut rest = Rest::default();
        while !rest.changes.is_empty() || serving.engine.queue.goes_on() {
            rest = next(&serving.engine, &tasks, rest).await;
            if let Some(pause) = rest.pause {
                sleep(pause).await;
            }
        }
        serving.ended = true;
    })
}

/// The line must not stay without a worker when this one is ended by a defect.
struct Serving {
    engine: Arc<Engine>,
    ended: bool,
}

impl Drop for Serving {
    fn drop(&mut self) {
        while !self.ended && self.engine.queue.goes_on() {
            for pending in self.engine.queue.take(usize::MAX) {
                pending.ticket.refuse(&GitError::Internal);
            }
        }
    }
}

async fn next(engine: &Arc<Engine>, tasks: &Tasks, rest: Rest) -> Rest {
    let credentials = match engine.credentials(rest.refused).await {
        Ok(credentials) => credentials,
        Err(error) => return round::turned_away(engine, rest.changes, &error),
    };
    let members = Arc::new(Members::of(&rest.changes));
    let work = Work {
        changes: rest.changes,
        credentials,
        renewed: rest.refused,
        members: Arc::clone(&members),
    };
    match engine.talk(move |engine| round::run(engine, work)).await {
        Talk::Ended(rest) => rest,
        Talk::GaveUp(error, late) => {
            members.give_up(&error);
            tasks.spawn(take_back(Arc::clone(engine), tasks.clone(), late, members));
            round::turned_away(engine, Vec::new(), &error)
        }
    }
}

/// A round that was given up on may end after all. Then the server is asked about what it sent.
async fn take_back(engine: Arc<Engine>, tasks: Tasks, late: oneshot::Receiver<Rest>, members: Arc<Members>) {
    let Some(until) = members.deadline() else { return };
    if let Ok(Ok(rest)) = timeout_at(Instant::from_std(until), late).await
        && engine.queue.put_back(rest.changes)
    {
        write_all(engine, tasks).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::infra::git::{
        BranchName, Change, FixedCredentials, Identity, Limits, RemoteUrl, RepositorySettings,
        pending::Pending,
    };

    fn engine() -> Arc<Engine> {
        Arc::new(Engine::new(RepositorySettings {
            remote: RemoteUrl::parse("https://git.example.com/a").unwrap(),
            branch: BranchName::parse("main").unwrap(),
            data_folder: "/nowhere".into(),
            credentials: Arc::new(FixedCredentials::default()),
            limits: Limits::default(),
        }))
    }

    fn pending() -> Pending {
        let someone = Identity::new("Ann", "ann@example.com").unwrap();
        let change = Change {
            author: someone.clone(),
            committer: someone,
            make: Box::new(|_| Ok(None)),
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        let (pending, answer) = Pending::new(change, deadline);
        // Nobody waits in these tests.
        drop(answer);
        pending
    }

    #[test]
    fn a_worker_that_is_ended_by_a_defect_leaves_the_line_to_the_next_one() {
        let engine = engine();
        assert_eq!(engine.queue.join(pending()), Some(true));
        drop(Serving {
            engine: Arc::clone(&engine),
            ended: false,
        });
        assert!(engine.queue.take(1).is_empty(), "who waited was told");
        assert_eq!(
            engine.queue.join(pending()),
            Some(true),
            "and the next finds no worker"
        );
    }
}
