//! What a request makes of the repository as of one state of the branch: the files to write, or why not.

use std::{collections::BTreeMap, sync::Arc};

use super::{RepositoryError, Seen, view::Views};
use crate::{
    infra::git::{BlobId, Draft, FileEdit, FilePath, FolderPath, GitError, Tip},
    plugins::ske::{
        domain::Manifest,
        gitops::{self, Edited, Identity, KEEP_FILE, Layout, Place, create, desired, object_at, place},
    },
};

/// One object to be written or removed, and what the commit says about it.
#[derive(Clone)]
pub(super) struct Edit {
    pub(super) views: Arc<Views>,
    pub(super) folder: FolderPath,
    pub(super) layout: Layout,
    pub(super) identity: Identity,
    /// What the caller was allowed to do depends on whether the object was there.
    pub(super) expected: Option<Seen>,
    pub(super) message: String,
}

impl Edit {
    /// Writes the object; nothing when the repository says the same already.
    pub(super) fn write(
        &self,
        tip: &Tip<'_>,
        manifest: &Manifest,
        namespaced: bool,
    ) -> Result<Option<Draft>, RepositoryError> {
        let Some((found, blob)) = self.only_place(tip)? else {
            self.expect(Seen::Absent)?;
            self.is_nowhere_hidden(tip)?;
            let object = desired(manifest, None, namespaced);
            let path = self.free_path(tip)?;
            return Ok(Some(self.draft(&path, create(&path, &object)?)?));
        };
        self.expect(Seen::Present)?;
        let bytes = tip.blob(blob)?;
        let existing = object_at(&bytes, found.spot).map_err(|trouble| broken(&found, trouble))?;
        let object = desired(manifest, existing.as_ref(), namespaced);
        match gitops::replace(&found.path, &bytes, found.spot, &object)? {
            Edited::Unchanged => Ok(None),
            Edited::Written(bytes) => Ok(Some(self.draft(&found.path, bytes)?)),
            Edited::Emptied => Err(RepositoryError::Git(GitError::Internal)),
        }
    }

    /// Removes the object, with the file when it held nothing else.
    pub(super) fn remove(&self, tip: &Tip<'_>) -> Result<Option<Draft>, RepositoryError> {
        let Some((found, blob)) = self.only_place(tip)? else {
            return Err(RepositoryError::Absent(self.identity.clone()));
        };
        let bytes = tip.blob(blob)?;
        match gitops::remove(&found.path, &bytes, found.spot, &self.identity)? {
            Edited::Unchanged => Ok(None),
            Edited::Written(bytes) => Ok(Some(self.draft(&found.path, bytes)?)),
            Edited::Emptied => self.without(tip, &found.path).map(Some),
        }
    }

    /// The one place of the object, none when it is not there.
    fn only_place(&self, tip: &Tip<'_>) -> Result<Option<(Place, BlobId)>, RepositoryError> {
        only(self.views.find(tip, &self.identity)?.places, &self.identity)
    }

    /// A second document for an object that stands in a broken one would be there when that one is repaired.
    fn is_nowhere_hidden(&self, tip: &Tip<'_>) -> Result<(), RepositoryError> {
        match self.views.find(tip, &self.identity)?.hiding.first() {
            None => Ok(()),
            Some((path, line)) => Err(RepositoryError::Hidden {
                identity: self.identity.clone(),
                place: format!("{path} (line {line})"),
            }),
        }
    }

    fn expect(&self, seen: Seen) -> Result<(), RepositoryError> {
        match self.expected {
            Some(expected) if expected != seen => Err(RepositoryError::Changed(self.identity.clone())),
            _ => Ok(()),
        }
    }

    /// A path where no file is. What is no plain file there is refused when the tree is built.
    fn free_path(&self, tip: &Tip<'_>) -> Result<String, RepositoryError> {
        let taken = |path: &str| FilePath::parse(path).is_ok_and(|path| !matches!(tip.file(&path), Ok(None)));
        self.refuse_sealed_place(tip)?;
        place(self.layout, self.folder.as_str(), &self.identity, taken).map_err(RepositoryError::NoPlace)
    }

    /// Where the object would stand by its name there may be a file that cannot be read because it is encrypted: then
    /// that is it.
    fn refuse_sealed_place(&self, tip: &Tip<'_>) -> Result<(), RepositoryError> {
        let plain = place(self.layout, self.folder.as_str(), &self.identity, |_| false);
        let path = plain.map_err(RepositoryError::NoPlace)?;
        let bytes = tip.read(&file_path(&path)?)?;
        match bytes.and_then(|bytes| gitops::head_of(&bytes)) {
            None => Ok(()),
            Some(tool) => Err(gitops::Refused::Sealed { path, line: 1, tool }.into()),
        }
    }

    fn draft(&self, path: &str, bytes: Vec<u8>) -> Result<Draft, RepositoryError> {
        let edits = BTreeMap::from([(file_path(path)?, FileEdit::Write(bytes))]);
        Ok(self.with_message(edits))
    }

    /// The change without the file. The last one of a folder leaves something behind: a folder that is gone is an
    /// error to Flux and Argo CD, which then remove nothing from the cluster.
    fn without(&self, tip: &Tip<'_>, path: &str) -> Result<Draft, RepositoryError> {
        let mut edits = BTreeMap::from([(file_path(path)?, FileEdit::Remove)]);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = FolderPath::parse(folder).map_err(GitError::from)?;
        let is_last = tip.files(&folder)?.iter().all(|file| file.path == path);
        if is_last {
            let keep = folder.file(KEEP_FILE).map_err(GitError::from)?;
            edits.insert(keep, FileEdit::Write(Vec::new()));
        }
        Ok(self.with_message(edits))
    }

    fn with_message(&self, edits: BTreeMap<FilePath, FileEdit>) -> Draft {
        Draft {
            edits,
            message: self.message.clone(),
        }
    }
}

/// The only one of the places.
///
/// # Errors
/// There are several.
pub(super) fn only(
    places: Vec<(Place, BlobId)>,
    identity: &Identity,
) -> Result<Option<(Place, BlobId)>, RepositoryError> {
    match <[_; 1]>::try_from(places) {
        Ok([place]) => Ok(Some(place)),
        Err(none) if none.is_empty() => Ok(None),
        Err(places) => Err(RepositoryError::Several {
            identity: identity.clone(),
            places: places.iter().map(|(place, _)| told(place)).collect(),
        }),
    }
}

/// The place for people.
pub(super) fn told(place: &Place) -> String {
    format!("{} (line {})", place.path, place.spot.line)
}

/// What the document says, when it cannot be read any more.
pub(super) fn broken(place: &Place, trouble: gitops::Trouble) -> RepositoryError {
    RepositoryError::Refused(gitops::Refused::Broken {
        path: place.path.to_string(),
        trouble,
    })
}

fn file_path(path: &str) -> Result<FilePath, RepositoryError> {
    Ok(FilePath::parse(path).map_err(GitError::from)?)
}
