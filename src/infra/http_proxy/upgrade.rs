//! Joins two connections that stopped speaking HTTP, such as a websocket's.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::infra::tasks::Tasks;

/// Copies both ways until both sides are done; a shutdown cuts it, since such a connection has no natural end.
pub(super) fn join(tasks: &Tasks, caller: OnUpgrade, server: OnUpgrade) {
    tasks.spawn_until_shutdown(async move {
        // Either side may vanish between the answer and the change; then there is nothing to join.
        let (Ok(caller), Ok(server)) = (caller.await, server.await) else {
            return;
        };
        let _ = copy_bidirectional(&mut TokioIo::new(caller), &mut TokioIo::new(server)).await;
    });
}
