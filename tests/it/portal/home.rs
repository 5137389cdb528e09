//! One Backstage backend for all tests of a shape, started by the first that asks.

use std::path::PathBuf;

use tokio::sync::{Mutex, OnceCell};

use super::document::{FEED_SECRET, Shape, read, templates};
use crate::support::{backstage_backend::BackstageBackend, kubernetes::free_ports};

static ALONGSIDE: OnceCell<Result<Home, String>> = OnceCell::const_new();
static IN_FRONT: OnceCell<Result<Home, String>> = OnceCell::const_new();

/// The backend, and where a Stagedoor is expected that it finds by its app-config.
pub(super) struct Home {
    pub(super) backend: BackstageBackend,
    /// Holds the app-config that both read.
    pub(super) folder: PathBuf,
    /// `http://localhost:<port>`, with no Stagedoor there but while a test has `turn`.
    pub(super) stagedoor: String,
    /// There is one place for Stagedoor, so one test at a time has it.
    pub(super) turn: Mutex<()>,
}

impl Home {
    /// The one of this shape.
    pub(super) async fn of(shape: Shape) -> &'static Self {
        let home = match shape {
            Shape::Alongside => &ALONGSIDE,
            Shape::InFront => &IN_FRONT,
        };
        match home.get_or_init(|| Self::start(shape)).await {
            Ok(home) => home,
            Err(problem) => panic!("{problem}"),
        }
    }

    async fn start(shape: Shape) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("stagedoor-portal-").tempdir();
        let folder = folder.unwrap().keep();
        let [theirs, ours] = free_ports();
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
        write("app-config.yaml", shape.app_config([theirs, ours]));
        // In development the backend looks around for packages, from the folder it is started in.
        write("package.json", r#"{"name":"portal","private":true}"#.to_owned());
        let ours_too = read("tests/backstage/templates.yaml");
        write("templates.yaml", format!("{}---\n{ours_too}", templates()));
        write(
            "app-config.tests.yaml",
            read("tests/backstage/app-config.tests.yaml"),
        );
        let configs = ["app-config.yaml", "app-config.tests.yaml"];
        let base = format!("http://127.0.0.1:{theirs}");
        Ok(Self {
            backend: BackstageBackend::start(&folder, &configs, &[FEED_SECRET], base).await?,
            folder,
            stagedoor: format!("http://localhost:{ours}"),
            turn: Mutex::const_new(()),
        })
    }
}
