//! A disk without room, in a process of its own: on a small file system where one may be mounted, else under a limit
//! on the size of files.

use std::{fs, io::Write as _, path::PathBuf, process::Command};

use stagedoor::infra::git::{GitError, GitRepository};

use crate::support::git::{
    child::Order,
    workshop::{Workshop, committed, put, write},
};

const THIS: &str = "git::full::a_write_on_a_full_disk_says_so_and_goes_on_when_there_is_room";

/// Mounts 4 MB that only the process and its children see.
const SMALL: [&str; 4] = ["unshare", "-Urm", "sh", "-c"];

/// Runs the test with a signal ignored that else would end it where a file may not grow.
const LIMITED: [&str; 2] = ["sh", "-c"];

/// What fills up.
struct Disk {
    folder: PathBuf,
    limited: bool,
}

impl Disk {
    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    fn limit(bytes: &str) {
        let id = std::process::id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}:")])
            .status();
        assert!(limited.unwrap().success());
    }

    fn fill(&self) {
        if self.limited {
            return Self::limit("0");
        }
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        for size in [4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        if self.limited {
            return Self::limit("unlimited");
        }
        fs::remove_file(self.ballast()).unwrap();
    }
}

#[allow(
    clippy::print_stdout,
    reason = "the test that started this process reads what it prints"
)]
async fn write_on_a_full_disk(order: Order) {
    let limited = order.what == "limited";
    let disk = Disk {
        folder: order.data.clone().into(),
        limited,
    };
    let repository = order.repository();
    repository.check().await.unwrap();
    disk.fill();
    said("FETCH", &repository.tip().await.unwrap_err());
    disk.free();
    committed(write(&repository, put("a", "a")).await);
    disk.fill();
    for number in 0..3 {
        said("WRITE", &refused(&repository, number).await);
    }
    disk.free();
    committed(write(&repository, put("c", "c")).await);
    println!("\nDONE");
}

async fn refused(repository: &GitRepository, number: u32) -> GitError {
    // More than what is left in the last block.
    let content: String = (0..4000)
        .map(|line| format!("{}\n", line * (number + 7919)))
        .collect();
    write(repository, put("b", &content)).await.unwrap_err()
}

#[allow(
    clippy::print_stdout,
    reason = "the test that started this process reads what it prints"
)]
fn said(what: &str, error: &GitError) {
    let full = matches!(error, GitError::DiskFull { .. });
    println!("\n{what} {full} {error}");
}

fn may_mount() -> bool {
    let probe = Command::new("unshare")
        .args(["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    probe.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_write_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    if let Some(order) = Order::received() {
        return write_on_a_full_disk(order).await;
    }
    let kinds: &[&str] = if may_mount() {
        &["mounted", "limited"]
    } else {
        &["limited"]
    };
    for kind in kinds {
        let workshop = Workshop::new().await;
        let mut order = Order::new(&workshop, &workshop.server.url("state.git"), kind);
        let data = order.data.clone();
        let mount = format!("mount -t tmpfs -o size=4m none '{data}' && exec \"$@\"");
        let wrapper = match *kind {
            "mounted" => [SMALL.as_slice(), &[mount.as_str(), "sh"]].concat(),
            _ => [LIMITED.as_slice(), &["trap '' XFSZ; exec \"$@\"", "sh"]].concat(),
        };
        order.wrapper = wrapper.into_iter().map(str::to_owned).collect();
        let said = order.said(THIS, &[]).await;
        assert!(said.contains("FETCH true"), "{kind}: {said}");
        assert_eq!(said.matches("WRITE true").count(), 3, "{kind}: {said}");
        assert!(said.contains("DONE"), "{kind}: {said}");
        assert_eq!(workshop.remote.files(), ["README", "a", "c"], "{kind}");
        assert_eq!(workshop.remote.commits().len(), 3, "{kind}");
        workshop.remote.must_be_linear_and_whole();
    }
}
