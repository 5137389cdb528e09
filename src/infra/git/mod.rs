//! Git repositories as a record to read and write, without a working copy.
//!
//! A [`GitRepository`] is one branch of one remote. It keeps a bare copy below the data folder, reads files and
//! differences out of it, and writes by building trees in the object database: changes that arrive together share a
//! fetch and a push and keep a commit each. The server decides: a commit counts once the branch has moved to it, a
//! moved branch means starting again on the new tip, and nothing is ever forced.

mod batch;
mod commit;
mod credentials;
mod difference;
mod engine;
mod error;
mod exchange;
mod files;
mod generation;
mod libgit2;
mod library;
mod mirror;
mod path;
mod pending;
mod queue;
mod remote;
mod repack;
mod repository;
mod round;
mod session;
mod smart_http;
mod soundness;
mod tip;
mod transport;
mod tree;
mod trouble;
mod writer;

pub use self::{
    commit::{Change, ChangeFn, Draft, Identity},
    credentials::{CredentialSource, Credentials, FixedCredentials, SharedCredentials},
    engine::{Limits, RepositorySettings},
    error::{ChangeError, GitError},
    library::{GitLibrary, LibraryError},
    path::{FilePath, FolderPath, PathError},
    pending::Written,
    remote::{BranchName, RemoteError, RemoteUrl},
    repository::GitRepository,
    tip::{BlobId, ChangedFile, CommitId, FileEntry, Tip},
    tree::FileEdit,
};
