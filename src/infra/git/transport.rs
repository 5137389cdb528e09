//! Conversations with the server: what the branch is at, fetching it, pushing to it.

use std::{cell::RefCell, sync::Arc};

use git2::{
    AutotagOption, Direction, Error, ErrorCode, FetchOptions, Oid, PushOptions, RemoteCallbacks,
    RemoteConnection, Repository,
};

use super::{
    error::GitError,
    session::Session,
    smart_http,
    trouble::{self, Refusal},
};

/// Bytes of what a server says during a push that are kept.
const MOST_SAID: usize = 4096;

/// What the server says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advertised {
    /// Where the branch is.
    pub(super) tip: Option<Oid>,
    /// Whether there is no reference at all, as in a repository just created.
    pub(super) is_empty: bool,
}

/// What a fetch came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetched {
    pub(super) advertised: Advertised,
    /// Whether there was something to fetch.
    pub(super) downloaded: bool,
}

/// How a push ended.
#[derive(Debug)]
pub(super) enum Pushed {
    /// There was nothing to push.
    Nothing,
    /// The server has moved the branch.
    Landed,
    /// Somebody else moved it first.
    Race,
    /// A rule of the server refuses it.
    Policy(GitError),
    /// It was not taken, for a reason that is not in the commits.
    Failed(GitError),
    /// It was sent; whether it was taken is not known.
    Unclear,
}

/// Asks where the branch is, with the right to read or to write.
pub(super) fn look(
    repository: &Repository,
    session: &Arc<Session>,
    direction: Direction,
) -> Result<Advertised, GitError> {
    let conversation = Conversation::new(session);
    conversation.connected(repository, direction, |connection| {
        conversation.advertised(connection)
    })
}

/// Brings what the branch is at into the mirror, unless it is there.
pub(super) fn fetch(repository: &Repository, session: &Arc<Session>) -> Result<Fetched, GitError> {
    let conversation = Conversation::new(session);
    conversation.connected(repository, Direction::Fetch, |connection| {
        let advertised = conversation.advertised(connection)?;
        let missing = advertised.tip.filter(|tip| !has(repository, *tip));
        let Some(tip) = missing else {
            return Ok(Fetched {
                advertised,
                downloaded: false,
            });
        };
        let reference = session.branch.reference();
        let downloaded = connection.remote().download(
            &[format!("+{reference}:{reference}")],
            Some(&mut conversation.fetch_options()),
        );
        downloaded.map_err(|error| conversation.failed(&error))?;
        if has(repository, tip) {
            Ok(Fetched {
                advertised,
                downloaded: true,
            })
        } else {
            // Unusable objects that are there in name keep the server from sending them.
            Err(GitError::Mirror {
                reason: "what was fetched cannot be read".to_owned(),
            })
        }
    })
}

/// Asks where the branch is, lets the caller plan on that, and pushes the commit it plans over the same connection.
pub(super) fn push(
    repository: &Repository,
    session: &Arc<Session>,
    plan: impl FnOnce(Advertised) -> Result<Option<Oid>, GitError>,
) -> Result<Pushed, GitError> {
    let conversation = Conversation::new(session);
    conversation.connected(repository, Direction::Push, |connection| {
        match plan(conversation.advertised(connection)?)? {
            None => Ok(Pushed::Nothing),
            Some(commit) => Ok(conversation.push(connection, commit)),
        }
    })
}

/// Whether the mirror holds the commit. What it was fetched with came along, so it holds what belongs to it.
pub(super) fn has(repository: &Repository, commit: Oid) -> bool {
    repository.find_commit(commit).is_ok()
}

/// One conversation and what was heard in it.
struct Conversation<'a> {
    session: &'a Arc<Session>,
    said: RefCell<Vec<u8>>,
    /// The server's word on our reference: none, taken, or refused with a reason.
    verdict: RefCell<Option<Result<(), String>>>,
}

impl<'a> Conversation<'a> {
    fn new(session: &'a Arc<Session>) -> Self {
        Self {
            session,
            said: RefCell::default(),
            verdict: RefCell::default(),
        }
    }

    /// The remote has no name, so that the mirror's configuration knows neither it nor its address.
    fn connected<T>(
        &self,
        repository: &Repository,
        direction: Direction,
        talk: impl FnOnce(&mut RemoteConnection<'_, '_, '_>) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let remote = repository.remote_anonymous(self.session.remote.as_str());
        let mut remote = remote.map_err(|error| trouble::local(&error, repository.path()))?;
        // Of an earlier conversation that did not ask for it.
        self.session.take_failure();
        let connected = smart_http::through(self.session, || {
            remote.connect_auth(direction, Some(self.callbacks()), None)
        });
        let mut connection = connected.map_err(|error| self.failed(&error))?;
        talk(&mut connection)
    }

    fn advertised(&self, connection: &RemoteConnection<'_, '_, '_>) -> Result<Advertised, GitError> {
        let heads = connection.list().map_err(|error| self.failed(&error))?;
        let reference = self.session.branch.reference();
        let tip = heads.iter().find(|head| head.name() == reference);
        Ok(Advertised {
            tip: tip.map(git2::RemoteHead::oid),
            is_empty: heads.is_empty(),
        })
    }

    fn push(&self, connection: &mut RemoteConnection<'_, '_, '_>, commit: Oid) -> Pushed {
        // Without a plus sign: never by force.
        let refspec = format!("{commit}:{}", self.session.branch.reference());
        let sent = connection
            .remote()
            .push(&[refspec], Some(&mut self.push_options()));
        match (sent, self.verdict.take()) {
            (_, Some(Err(reason))) => self.refused(&reason),
            // The server has said so, whatever went wrong afterwards.
            (_, Some(Ok(()))) => Pushed::Landed,
            (Ok(()), None) => Pushed::Unclear,
            (Err(error), _) if error.code() == ErrorCode::NotFastForward => Pushed::Race,
            (Err(error), _) => self.broken_off(&error),
        }
    }

    fn refused(&self, reason: &str) -> Pushed {
        match trouble::refusal(reason) {
            Refusal::Race => Pushed::Race,
            Refusal::Policy => Pushed::Policy(self.policy(reason)),
        }
    }

    fn policy(&self, reason: &str) -> GitError {
        let said = String::from_utf8_lossy(&self.said.borrow()).into_owned();
        let said = trouble::plain(&said, self.session.credentials.as_ref());
        let reason = trouble::plain(reason, self.session.credentials.as_ref());
        trouble::policy_error(self.session.branch.as_str(), &reason, &said)
    }

    /// An error after the push began: only some say for sure that nothing was taken.
    fn broken_off(&self, error: &Error) -> Pushed {
        if let Some(failure) = self.session.take_failure() {
            return match failure.error {
                _ if failure.acted => Pushed::Unclear,
                error @ GitError::PushRefused { .. } => Pushed::Policy(error),
                error => Pushed::Failed(error),
            };
        }
        if error.message().contains("unpacking the sent packfile failed") {
            return Pushed::Policy(self.policy("the server could not take the objects"));
        }
        match self.failed(error) {
            GitError::Unreachable { .. } => Pushed::Unclear,
            certain => Pushed::Failed(certain),
        }
    }

    fn failed(&self, error: &Error) -> GitError {
        match self.session.take_failure() {
            Some(failure) => failure.error,
            None => trouble::network(error, self.session),
        }
    }

    fn fetch_options(&self) -> FetchOptions<'_> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        options
    }

    fn push_options(&self) -> PushOptions<'_> {
        let mut options = PushOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .packbuilder_parallelism(1);
        options
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|_| !self.session.is_over());
        callbacks.sideband_progress(|text| {
            let mut said = self.said.borrow_mut();
            let room = MOST_SAID.saturating_sub(said.len());
            said.extend(text.iter().take(room));
            !self.session.is_over()
        });
        callbacks.push_update_reference(|_, refusal| {
            self.verdict
                .replace(Some(refusal.map_or(Ok(()), |reason| Err(reason.to_owned()))));
            Ok(())
        });
        callbacks
    }
}
