//! The folder for what should outlive a restart, made when it is first needed.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use tracing::warn;
use uuid::Uuid;

/// Where services keep their state on Debian and in our image.
const USUAL: &str = "/var/lib/stagedoor";

/// Only the owner may look in.
const PRIVATE: u32 = 0o700;

/// Our own folder. Cheap to clone; all clones share it.
#[derive(Debug, Clone)]
pub struct DataFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `stagedoor.dataDir`.
    configured: Option<PathBuf>,
    /// Where the usual one is.
    usual: PathBuf,
    /// Where temporary folders are made.
    temporary: PathBuf,
    made: OnceLock<Result<Made, String>>,
}

#[derive(Debug)]
struct Made {
    path: PathBuf,
    /// It goes with us.
    passing: bool,
}

impl DataFolder {
    /// Names the places; makes nothing yet.
    ///
    /// Without a configured folder it is `/var/lib/stagedoor`, below `root`, if that can be written; else one in the
    /// folder for temporary files, which is deleted at the end.
    pub fn new(configured: Option<PathBuf>, root: &Path, temporary: PathBuf) -> Self {
        Self(Arc::new(Inner {
            configured,
            usual: root.join(USUAL.trim_start_matches('/')),
            temporary,
            made: OnceLock::new(),
        }))
    }

    /// A folder that goes when the last of its clones does, for work beside a service that uses this one.
    ///
    /// # Errors
    /// No folder can be made.
    pub fn passing(&self) -> Result<Self, String> {
        let Inner { usual, temporary, .. } = &*self.0;
        let made = self.0.make_temporary()?;
        Ok(Self(Arc::new(Inner {
            configured: None,
            usual: usual.clone(),
            temporary: temporary.clone(),
            made: OnceLock::from(Ok(made)),
        })))
    }

    /// The folder, which is there from the first call on. Blocks for a moment.
    ///
    /// # Errors
    /// A sentence that names the key: the configured folder, or any at all, cannot be written.
    pub fn path(&self) -> Result<&Path, String> {
        let made = self.0.made.get_or_init(|| self.0.make());
        made.as_ref()
            .map(|made| made.path.as_path())
            .map_err(Clone::clone)
    }
}

impl DataFolder {
    /// Whether a file of this name is there from an earlier run, or from this one. Makes nothing.
    pub fn holds(&self, file: &str) -> bool {
        let place = match self.0.made.get() {
            Some(Ok(made)) => &made.path,
            _ => self.0.configured.as_ref().unwrap_or(&self.0.usual),
        };
        place.join(file).exists()
    }
}

impl Inner {
    fn make(&self) -> Result<Made, String> {
        if let Some(path) = &self.configured {
            return match try_folder(path) {
                Ok(()) => Ok(Made {
                    path: path.clone(),
                    passing: false,
                }),
                Err(error) => Err(format!(
                    "stagedoor.dataDir, {}, cannot be written ({}); name a folder that Stagedoor's user may write",
                    path.display(),
                    error.kind()
                )),
            };
        }
        if try_folder(&self.usual).is_ok() {
            return Ok(Made {
                path: self.usual.clone(),
                passing: false,
            });
        }
        let made = self.make_temporary();
        if made.is_ok() {
            warn!(
                "{} cannot be written, so what should outlive a restart is in a folder for temporary files; set \
                 stagedoor.dataDir",
                self.usual.display()
            );
        }
        made
    }

    fn make_temporary(&self) -> Result<Made, String> {
        let path = self.temporary.join(format!("stagedoor-{}", Uuid::new_v4()));
        try_folder(&path).map_err(|error| {
            format!(
                "Neither {} nor {} can be written ({}); set stagedoor.dataDir to a folder that can",
                self.usual.display(),
                self.temporary.display(),
                error.kind()
            )
        })?;
        Ok(Made { path, passing: true })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(Ok(Made { path, passing: true })) = self.made.get() {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Makes the folder and sees whether files can be made in it.
fn try_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(path)?;
    let probe = path.join(format!(".probe-{}", Uuid::new_v4()));
    fs::write(&probe, [])?;
    fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(configured: Option<PathBuf>, root: &Path) -> DataFolder {
        DataFolder::new(configured, root, root.join("tmp"))
    }

    #[test]
    fn the_configured_folder_is_made_for_us_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let wanted = root.path().join("a/b");
        let folder = folder(Some(wanted.clone()), root.path());
        assert!(!wanted.exists(), "nothing is made before it is needed");
        assert_eq!(folder.path().unwrap(), wanted);
        let mode = fs::metadata(&wanted).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(&wanted).unwrap().count(), 0);
        drop(folder);
        assert!(wanted.exists(), "it stays");
    }

    #[test]
    fn looking_for_a_file_makes_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let wanted = root.path().join("state");
        let folder = folder(Some(wanted.clone()), root.path());
        assert!(!folder.holds("file") && !wanted.exists());
        fs::write(folder.path().unwrap().join("file"), "x").unwrap();
        assert!(folder.holds("file"));
    }

    #[test]
    fn a_configured_folder_that_cannot_be_written_is_an_error_that_names_the_key() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        let problem = folder(Some(file.join("below")), root.path()).path().unwrap_err();
        assert!(problem.contains("stagedoor.dataDir"), "{problem}");
    }

    #[test]
    fn the_usual_folder_is_taken_where_it_can_be_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(None, root.path());
        assert_eq!(folder.path().unwrap(), root.path().join("var/lib/stagedoor"));
    }

    #[test]
    fn a_temporary_folder_is_the_last_resort_and_goes_with_us() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("var"), "in the way").unwrap();
        let folder = folder(None, root.path());
        let path = folder.path().unwrap().to_owned();
        assert!(path.starts_with(root.path().join("tmp")) && path.exists());
        let another = folder.clone();
        drop(folder);
        assert!(path.exists(), "somebody still uses it");
        drop(another);
        assert!(!path.exists());
    }
    #[test]
    fn work_beside_a_service_gets_a_folder_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let service = folder(Some(root.path().join("state")), root.path());
        let beside = service.passing().unwrap();
        let path = beside.path().unwrap().to_owned();
        assert!(path.exists() && !path.starts_with(service.path().unwrap()));
        drop(beside);
        assert!(!path.exists());
    }
}
