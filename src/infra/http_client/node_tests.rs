//! How long connections are kept that nobody uses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use url::Url;

use super::HttpClients;
use crate::infra::tasks::Tasks;

/// Answers each read, as if it were a request.
async fn answer(mut stream: TcpStream) {
    let mut request = [0; 1024];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        let answered = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        answered.unwrap();
    }
}

/// How many connections two requests take, with this pause between them.
async fn connections(client: impl Fn(&Url) -> reqwest::Client, pause: Duration) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let (tasks, count) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let (more, counted) = (tasks.clone(), Arc::clone(&count));
    tasks.spawn_until_shutdown(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            more.spawn_until_shutdown(answer(stream));
        }
    });
    for pause in [Duration::ZERO, pause] {
        sleep(pause).await;
        let answer = client(&url).get(url.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    tasks.shut_down().await;
    count.load(Ordering::Relaxed)
}

#[tokio::test]
async fn no_connection_to_node_is_kept_until_node_closes_it() {
    let clients = HttpClients::new(&[]).unwrap();
    let (node, anywhere) = (
        |url: &Url| clients.for_node(url).clone(),
        |url: &Url| clients.for_url(url).clone(),
    );
    let (soon, late) = (Duration::from_millis(100), Duration::from_millis(4_500));
    let taken = tokio::join!(
        connections(node, soon),
        connections(node, late),
        connections(anywhere, late)
    );
    assert_eq!(taken, (1, 2, 1));
}
