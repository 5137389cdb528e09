//! Copies that take each other's place while somebody is at work on them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use stagedoor::infra::git::{FolderPath, GitError, GitRepository, Tip};
use tokio::task::JoinHandle;

use crate::support::git::{
    server::Step,
    workshop::{Workshop, committed, put, write},
};

fn read_all(tip: &Tip<'_>) -> Result<usize, GitError> {
    let files = tip.files(&FolderPath::default())?;
    for file in &files {
        tip.blob(file.blob)?;
    }
    Ok(files.len())
}

fn fault() -> GitError {
    GitError::Mirror {
        reason: "a test says so".to_owned(),
    }
}

/// A reader that has begun and waits for the word to go on.
struct Slow {
    reads: Arc<AtomicUsize>,
    go_on: mpsc::Sender<()>,
    reading: JoinHandle<Result<usize, GitError>>,
}

impl Slow {
    /// Waits in its first read; what it then says of it comes from `verdict`.
    async fn begin(repository: &GitRepository, verdict: fn(&Tip<'_>) -> Result<usize, GitError>) -> Self {
        let reads = Arc::new(AtomicUsize::new(0));
        let (go_on, word) = mpsc::channel();
        let (repository, count) = (repository.clone(), Arc::clone(&reads));
        let reading = tokio::spawn(async move {
            let read = repository.read(move |tip| {
                if count.fetch_add(1, Ordering::SeqCst) == 0 {
                    word.recv().unwrap();
                    return verdict(tip);
                }
                read_all(tip)
            });
            read.await
        });
        while reads.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self {
            reads,
            go_on,
            reading,
        }
    }

    /// How many files it found, and how often it had to read.
    async fn end(self) -> (usize, usize) {
        self.go_on.send(()).unwrap();
        let found = self.reading.await.unwrap().unwrap();
        (found, self.reads.load(Ordering::SeqCst))
    }
}

/// Somebody says that the copy is damaged, so that it is made anew.
async fn make_anew(repository: &GitRepository) {
    let mut told = false;
    let read = repository.read(move |tip| {
        if std::mem::replace(&mut told, true) {
            return read_all(tip);
        }
        Err(fault())
    });
    read.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_an_old_copy_reads_on_while_another_is_made() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    committed(write(&repository, put("a", "a")).await);
    let slow = Slow::begin(&repository, read_all).await;
    make_anew(&repository).await;
    workshop.remote.push_file("b", "b");
    repository.tip().await.unwrap();
    assert_eq!(slow.end().await, (2, 1), "what was there when it began, at once");
    assert_eq!(repository.read(read_all).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_met_in_an_old_copy_does_not_discard_the_new_one() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    repository.tip().await.unwrap();
    let slow = Slow::begin(&repository, |_| Err(fault())).await;
    make_anew(&repository).await;
    let fetched = workshop.server.count(Step::Fetch);
    assert_eq!(slow.end().await, (1, 2), "it read again");
    assert_eq!(
        workshop.server.count(Step::Fetch),
        fetched,
        "from the copy that is there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_put_aside_is_deleted_when_its_last_reader_is_done() {
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    repository.tip().await.unwrap();
    let slow = Slow::begin(&repository, read_all).await;
    make_anew(&repository).await;
    assert_eq!(copies(workshop.data.path()).len(), 2);
    slow.end().await;
    until_one_copy_is_left(&workshop).await;
}

fn copies(data: &Path) -> Vec<PathBuf> {
    let folder = fs::read_dir(data.join("git")).unwrap().next().unwrap().unwrap();
    let entries = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

async fn until_one_copy_is_left(workshop: &Workshop) {
    for _ in 0..500 {
        if copies(workshop.data.path()).len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", copies(workshop.data.path()));
}

fn packs(copy: &Path) -> usize {
    // A copy may be deleted while it is looked at.
    let Ok(entries) = fs::read_dir(copy.join("objects/pack")) else {
        return usize::MAX;
    };
    let is_pack = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pack");
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_pack)
        .count()
}

/// Commits upon the branch, each with a file more; the branch stays where it is.
fn prepare_commits(workshop: &Workshop, count: usize) -> Vec<String> {
    let mut stream = String::new();
    for number in 0..count {
        let from = if number == 0 {
            "from refs/heads/main^0\n"
        } else {
            ""
        };
        let (name, content) = (format!("f{number:03}"), format!("{number}"));
        stream += &format!(
            "commit refs/heads/prepared\ncommitter A <a@example.com> {} +0000\ndata 1\nx\n{from}\
             M 100644 inline {name}\ndata {}\n{content}\n",
            1_700_000_000 + number,
            content.len()
        );
    }
    workshop.remote.git_fed(&["fast-import", "--quiet"], &stream);
    let listed = workshop.remote.git(&["rev-list", "--reverse", "main..prepared"]);
    workshop.remote.git(&["update-ref", "-d", "refs/heads/prepared"]);
    listed.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_many_fetches_is_packed_beside_the_work_and_nothing_is_downloaded_twice() {
    const COMMITS: usize = 110;
    let workshop = Workshop::new().await;
    let repository = workshop.repository();
    let (ended, ending) = (Arc::new(AtomicBool::new(false)), repository.clone());
    let flag = Arc::clone(&ended);
    repository.tip().await.unwrap();
    let reader = tokio::spawn(async move {
        let mut reads = 0;
        while !flag.load(Ordering::SeqCst) {
            ending.read(read_all).await.unwrap();
            reads += 1;
        }
        reads
    });
    for commit in prepare_commits(&workshop, COMMITS) {
        workshop.remote.git(&["update-ref", "refs/heads/main", &commit]);
        repository.tip().await.unwrap();
    }
    until_one_copy_is_left(&workshop).await;
    let left = copies(workshop.data.path());
    assert!(packs(&left[0]) < 20, "{} packs", packs(&left[0]));
    committed(write(&repository, put("a", "a")).await);
    ended.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 10);
    assert_eq!(repository.read(read_all).await.unwrap(), COMMITS + 2);
    workshop.close(repository).await;
    assert_eq!(workshop.repository().read(read_all).await.unwrap(), COMMITS + 2);
    assert_eq!(workshop.server.clones(), 1, "once, and kept over a restart");
    let names: BTreeSet<_> = workshop.remote.files().into_iter().collect();
    assert_eq!(names.len(), COMMITS + 2);
}
