//! A connection to the platform cluster that falls silent, as behind a firewall that forgot it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::portal::{Backstage, get};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::Cluster,
};

/// Hands bytes on to the API server, and swallows those of the connections it was told to forget.
struct Firewall {
    address: String,
    /// Connections with a lower number are forgotten.
    forgotten: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Firewall {
    async fn before(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (forgotten, accepted) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (limit, count) = (Arc::clone(&forgotten), Arc::clone(&accepted));
        stagedoor::infra::tasks::Tasks::default().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&upstream).await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                let tasks = stagedoor::infra::tasks::Tasks::default();
                tasks.spawn(hand_on(from_client, to_server, (number, Arc::clone(&limit))));
                tasks.spawn(hand_on(from_server, to_client, (number, Arc::clone(&limit))));
            }
        });
        Self {
            address,
            forgotten,
            accepted,
        }
    }

    fn forget_all(&self) {
        self.forgotten
            .store(self.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn hand_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (number, limit): (usize, Arc<AtomicUsize>),
) {
    let mut bytes = vec![0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if number >= limit.load(Ordering::SeqCst) && to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
    // A firewall that forgot a connection does not tell its ends either.
    if number < limit.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_noticed_and_replaced() {
    let cluster = Cluster::shared().await;
    let firewall = Firewall::before(cluster.url().replace("https://", "")).await;
    let entry = format!(
        "authProvider: serviceAccount\n          serviceAccountToken: {}",
        cluster.admin_token()
    );
    let ours = "{ timeout: 1s, allow: [{ group: '', kinds: [Namespace], access: read }] }";
    let config = Backstage::start().await.app_config(&cluster, &entry, ours);
    let app = TestApp::start(&config.replace(&cluster.url(), &format!("https://{}", firewall.address))).await;
    let path = "/api/ske/resource?name=default&kind=Namespace&apiVersion=v1";
    get(&app, STATIC_TOKEN, path).await.ok();

    firewall.forget_all();
    let (status, message) = get(&app, STATIC_TOKEN, path).await.refused();
    assert_eq!(status, 504, "{message}");
    let end = Instant::now() + Duration::from_secs(60);
    while get(&app, STATIC_TOKEN, path).await.status != 200 {
        assert!(Instant::now() < end, "the silent connection is still in use");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let read = get(&app, STATIC_TOKEN, path).await.ok();
    assert_ne!(read["manifest"]["metadata"]["uid"], Value::Null);
    assert!(firewall.accepted.load(Ordering::SeqCst) > 1);
}
