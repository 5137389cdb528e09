//! The worker that serves the line of changes, one round after the other.

use std::sync::Arc;

use tokio::time::sleep;

use super::{
    engine::Engine,
    round::{self, Rest, Work},
};

/// Serves the line until nobody waits.
pub(super) async fn write_all(engine: Arc<Engine>) {
    let mut serving = Serving { engine, ended: false };
    let mut rest = Rest::default();
    while !rest.changes.is_empty() || serving.engine.queue.goes_on() {
        rest = next(&serving.engine, rest).await;
        if let Some(pause) = rest.pause {
            sleep(pause).await;
        }
    }
    serving.ended = true;
}

/// The line must not stay without a worker when this one is ended by a defect.
struct Serving {
    engine: Arc<Engine>,
    ended: bool,
}

impl Drop for Serving {
    fn drop(&mut self) {
        while !self.ended && self.engine.queue.goes_on() {
            // Whose sender is dropped is told.
            drop(self.engine.queue.take(usize::MAX));
        }
    }
}

async fn next(engine: &Arc<Engine>, rest: Rest) -> Rest {
    let credentials = match engine.credentials(rest.refused).await {
        Ok(credentials) => credentials,
        Err(error) => return round::turned_away(engine, rest.changes, &error),
    };
    let work = Work {
        changes: rest.changes,
        renewed: rest.refused,
    };
    let round = engine.converse(credentials, move |engine, session| {
        round::run(engine, session, work)
    });
    match round.await {
        Ok(rest) => rest,
        Err(error) => round::turned_away(engine, Vec::new(), &error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::infra::{
        git::{
            BranchName, Change, FixedCredentials, Identity, Limits, RemoteUrl, RepositorySettings,
            pending::Pending,
        },
        http_client::HttpClients,
    };

    fn engine() -> Arc<Engine> {
        let settings = RepositorySettings {
            remote: RemoteUrl::parse("https://git.example.com/a").unwrap(),
            branch: BranchName::parse("main").unwrap(),
            data_folder: "/nowhere".into(),
            credentials: Arc::new(FixedCredentials::default()),
            limits: Limits::default(),
        };
        Arc::new(Engine::new(settings, HttpClients::new(&[]).unwrap()))
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
