//! The rounds that run by themselves, as long as the service does.

use std::{sync::Arc, time::Duration};

use tracing::info;
use uuid::Uuid;

use super::refresh::Round;
use crate::{infra::tasks::Tasks, plugins::ske::operations::Ske};

/// Rounds are up to a tenth longer than configured, so that replicas do not stay in step.
const JITTER: u32 = 10;

/// Said once, since it is so in every round.
const NEEDS_USER: &str = "skipped: needs a user: pending requests cannot be compared with the platform by themselves, because the \
     cluster is configured without a credential of our own; they go when somebody looks at their resource";

/// Runs both rounds until the service ends.
pub(in crate::plugins::ske) fn start(ske: &Arc<Ske>, tasks: &Tasks) {
    tasks.spawn_until_shutdown(refreshing(Arc::clone(ske)));
    tasks.spawn_until_shutdown(sweeping(Arc::clone(ske)));
}

async fn refreshing(ske: Arc<Ske>) {
    let mut told = false;
    loop {
        let period = ske.current().pending.refresh;
        sleep(period).await;
        let round = ske.pending().refresh_in_turn(period, |object| ske.look(object));
        let round = round.await;
        if let Ok(Round::NeedsUser) = round
            && !std::mem::replace(&mut told, true)
        {
            info!("{NEEDS_USER}");
        }
        ske.pending().tell_round("looks", round.map(drop));
    }
}

async fn sweeping(ske: Arc<Ske>) {
    loop {
        let period = ske.current().pending.sweep;
        sleep(period).await;
        let ask = |repository, numbers: Vec<u64>| {
            let hosts = ske.code_hosts();
            async move { hosts.states(&repository, &numbers).await }
        };
        let round = ske.pending().sweep_in_turn(period, ask).await;
        ske.pending().tell_round("reviews", round);
    }
}

async fn sleep(period: Duration) {
    tokio::time::sleep(spread(period)).await;
}

fn spread(period: Duration) -> Duration {
    let random = (Uuid::new_v4().as_u64_pair().0 >> 32) as f64 / f64::from(u32::MAX);
    period + (period / JITTER).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_round_comes_early_and_replicas_do_not_stay_in_step() {
        let period = Duration::from_secs(900);
        let drawn: Vec<_> = (0..100).map(|_| spread(period)).collect();
        assert!(
            drawn
                .iter()
                .all(|wait| (period..=period * 11 / 10).contains(wait)),
            "{drawn:?}"
        );
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(*most - *least > Duration::from_secs(30), "{least:?} {most:?}");
    }
}
