//! Following changes: what is accepted, what is refused, and what survives a broken edit.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use stagedoor::config::{ConfigError, ConfigReader, ConfigStore, Environment, LoadOptions, watch_every};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How often the tests' watcher looks.
const INTERVAL: Duration = Duration::from_millis(5);
/// Far longer than a change needs to be seen, on any machine.
const LIMIT: Duration = Duration::from_secs(20);

fn options(dir: &Path) -> LoadOptions {
    LoadOptions {
        targets: Vec::new(),
        root_dir: dir.to_owned(),
        working_dir: dir.to_owned(),
        environment: Environment::default(),
        remote: None,
    }
}

async fn opened(content: &str) -> (TempDir, ConfigStore) {
    let dir = tempfile::tempdir().unwrap();
    write(&dir, content);
    let store = ConfigStore::open(options(dir.path())).await.unwrap();
    (dir, store)
}

fn write(dir: &TempDir, content: &str) {
    std::fs::write(dir.path().join("app-config.yaml"), content).unwrap();
}

fn value(store: &ConfigStore) -> f64 {
    store.reader().number("a").unwrap()
}

/// Waits until the store has the value, while the watcher runs.
async fn becomes(store: &ConfigStore, expected: f64) {
    becomes_at(store, "a", expected).await;
}

async fn becomes_at(store: &ConfigStore, key: &str, expected: f64) {
    let reached = async {
        while store.reader().number(key) != Ok(expected) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::time::timeout(LIMIT, reached)
        .await
        .expect("the change is seen in time");
}

/// Runs the steps while the watcher follows the store's files.
async fn watching<F: Future<Output = ()>>(store: &ConfigStore, steps: F) {
    let (stop, stopped) = oneshot::channel::<()>();
    let watcher = watch_every(store.clone(), INTERVAL, async { stopped.await.unwrap() });
    let steps = async {
        steps.await;
        stop.send(()).unwrap();
    };
    tokio::join!(watcher, steps);
}

#[tokio::test]
async fn a_refresh_says_whether_the_configuration_changed() {
    let (dir, store) = opened("a: 1").await;
    assert!(!store.refresh().await);
    write(&dir, "a: 2");
    assert!(store.refresh().await);
    assert_eq!(value(&store), 2.0);
    write(&dir, "# moved\na:   2");
    assert!(!store.refresh().await);
}

#[tokio::test]
async fn a_fixed_store_never_changes() {
    let store = ConfigStore::fixed(ConfigReader::new(Vec::new()));
    assert!(!store.refresh().await);
}

#[tokio::test]
async fn a_reload_that_one_subscriber_refuses_changes_nothing_for_anybody() {
    let (dir, store) = opened("a: 1").await;
    let applied = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&applied);
    store.on_change(&["a"], move |_| {
        let counter = Arc::clone(&counter);
        Ok(Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }))
    });
    store.on_change(&["b"], |reader| match reader.optional_boolean("b") {
        Ok(_) => Ok(Box::new(|| {})),
        Err(error) => Err(vec![error, ConfigError::new("and more")]),
    });

    write(&dir, "a: 2\nb: maybe");
    assert!(!store.refresh().await);
    assert_eq!((value(&store), applied.load(Ordering::SeqCst)), (1.0, 0));

    write(&dir, "a: 2\nb: yes");
    assert!(store.refresh().await);
    assert_eq!((value(&store), applied.load(Ordering::SeqCst)), (2.0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_arrive_during_a_reading_share_the_next_one() {
    let (dir, store) = opened("a: 1").await;
    let readings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&readings);
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    store.on_change(&["a"], move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let _ = entered.send(());
        may_go_on.lock().unwrap().recv_timeout(LIMIT).unwrap();
        Err(vec![ConfigError::new("never good enough")])
    });
    write(&dir, "a: 2");
    let reading = store.clone();
    let first = tokio::spawn(async move { reading.refresh().await });
    let waiting = tokio::task::spawn_blocking(move || has_entered.recv_timeout(LIMIT));
    waiting.await.unwrap().unwrap();
    let mut later: Vec<_> = (0..3).map(|_| Box::pin(store.refresh())).collect();
    for caller in &mut later {
        assert!(caller.now_or_never().is_none(), "the first reading is under way");
    }
    (0..2).for_each(|_| go_on.send(()).unwrap());
    futures_util::future::join_all(later).await;
    first.await.unwrap();
    assert_eq!(readings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn edits_renames_and_recreated_files_are_seen() {
    let (dir, store) = opened("a: 1").await;
    watching(&store, async {
        write(&dir, "a: 2");
        becomes(&store, 2.0).await;

        std::fs::write(dir.path().join("new"), "a: 3").unwrap();
        std::fs::rename(dir.path().join("new"), dir.path().join("app-config.yaml")).unwrap();
        becomes(&store, 3.0).await;

        std::fs::remove_file(dir.path().join("app-config.yaml")).unwrap();
        assert!(!store.refresh().await);
        assert_eq!(value(&store), 3.0);
        write(&dir, "a: 4");
        becomes(&store, 4.0).await;

        std::fs::write(dir.path().join("app-config.local.yaml"), "a: 5").unwrap();
        becomes(&store, 5.0).await;
    })
    .await;
}

#[tokio::test]
async fn a_broken_edit_keeps_the_old_values_and_fixing_it_works() {
    let (dir, store) = opened("a: 1").await;
    watching(&store, async {
        write(&dir, "a: [");
        assert!(!store.refresh().await);
        assert_eq!(value(&store), 1.0);
        write(&dir, "a: 2");
        becomes(&store, 2.0).await;
    })
    .await;
}

#[tokio::test]
async fn included_files_are_followed_also_those_that_a_broken_file_names() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir, "stagedoor: { a: { $include: 'inc.yaml#x' } }");
    std::fs::write(dir.path().join("inc.yaml"), "x: 1").unwrap();
    let store = ConfigStore::open(options(dir.path())).await.unwrap();
    watching(&store, async {
        std::fs::write(dir.path().join("inc.yaml"), "x: 2").unwrap();
        becomes_at(&store, "stagedoor.a", 2.0).await;

        write(&dir, "stagedoor: { a: { $include: 'other.yaml#x' } }");
        assert!(!store.refresh().await);
        std::fs::write(dir.path().join("other.yaml"), "x: 3").unwrap();
        becomes_at(&store, "stagedoor.a", 3.0).await;
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_symlink_swap_of_a_mounted_config_map_is_seen() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (folder, content) in [("..one", "a: 1"), ("..two", "a: 2")] {
        std::fs::create_dir(at(folder)).unwrap();
        std::fs::write(at(folder).join("app-config.yaml"), content).unwrap();
    }
    symlink("..one", at("..data")).unwrap();
    symlink("..data/app-config.yaml", at("app-config.yaml")).unwrap();
    let store = ConfigStore::open(options(dir.path())).await.unwrap();
    watching(&store, async {
        symlink("..two", at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        becomes(&store, 2.0).await;
    })
    .await;
}
