//! Conversations with the server: what the branch is at, fetching it, pushing to it.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use git2::{
    AutotagOption, Cred, CredentialType, Direction, Error, ErrorClass, ErrorCode, FetchOptions, Oid,
    ProxyOptions, PushOptions, RemoteCallbacks, RemoteConnection, RemoteRedirect, Repository,
};
use secrecy::ExposeSecret as _;

use super::{
    credentials::Credentials,
    error::GitError,
    remote::{BranchName, RemoteUrl},
    trouble::{self, Refusal},
    whereabouts,
};

/// Bytes of what a server says during a push that are kept.
const MOST_SAID: usize = 4096;

/// With whom, about which branch, as whom, and until when.
pub(super) struct Access<'a> {
    pub(super) remote: &'a RemoteUrl,
    pub(super) branch: &'a BranchName,
    pub(super) credentials: Option<&'a Credentials>,
    /// A server that goes on sending after it is cut off.
    pub(super) deadline: Instant,
}

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
    access: &Access<'_>,
    direction: Direction,
) -> Result<Advertised, GitError> {
    let conversation = Conversation::new(access);
    conversation.connected(repository, direction, |connection| {
        conversation.advertised(connection)
    })
}

/// Brings what the branch is at into the mirror, unless it is there.
pub(super) fn fetch(repository: &Repository, access: &Access<'_>) -> Result<Fetched, GitError> {
    let conversation = Conversation::new(access);
    conversation.connected(repository, Direction::Fetch, |connection| {
        let advertised = conversation.advertised(connection)?;
        let missing = advertised.tip.filter(|tip| !has(repository, *tip));
        let Some(tip) = missing else {
            return Ok(Fetched {
                advertised,
                downloaded: false,
            });
        };
        let reference = access.branch.reference();
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
    access: &Access<'_>,
    plan: impl FnOnce(Advertised) -> Result<Option<Oid>, GitError>,
) -> Result<Pushed, GitError> {
    let conversation = Conversation::new(access);
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
    access: &'a Access<'a>,
    presented: Cell<bool>,
    astray: Cell<bool>,
    said: RefCell<Vec<u8>>,
    /// The server's word on our reference: none, taken, or refused with a reason.
    verdict: RefCell<Option<Result<(), String>>>,
}

impl<'a> Conversation<'a> {
    fn new(access: &'a Access<'a>) -> Self {
        Self {
            access,
            presented: Cell::new(false),
            astray: Cell::new(false),
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
        let remote = repository.remote_anonymous(self.access.remote.as_str());
        let mut remote = remote.map_err(|error| trouble::local(&error, repository.path()))?;
        whereabouts::forget();
        let connected = remote.connect_auth(direction, Some(self.callbacks()), Some(self.proxy()));
        if whereabouts::strayed_from(self.access.remote) {
            self.astray.set(true);
        }
        match connected {
            Ok(mut connection) if !self.astray.get() => talk(&mut connection),
            Ok(_) => Err(self.redirected()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn advertised(&self, connection: &RemoteConnection<'_, '_, '_>) -> Result<Advertised, GitError> {
        let heads = connection.list().map_err(|error| self.failed(&error))?;
        let reference = self.access.branch.reference();
        let tip = heads.iter().find(|head| head.name() == reference);
        Ok(Advertised {
            tip: tip.map(git2::RemoteHead::oid),
            is_empty: heads.is_empty(),
        })
    }

    fn push(&self, connection: &mut RemoteConnection<'_, '_, '_>, commit: Oid) -> Pushed {
        // Without a plus sign: never by force.
        let refspec = format!("{commit}:{}", self.access.branch.reference());
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
        let said = trouble::plain(&said, self.access.credentials);
        let reason = trouble::plain(reason, self.access.credentials);
        trouble::policy_error(self.access.branch.as_str(), &reason, &said)
    }

    /// An error after the push began: only some say for sure that nothing was taken.
    fn broken_off(&self, error: &Error) -> Pushed {
        let message = error.message();
        if message.ends_with("status code: 413") || message.contains("unpacking the sent packfile failed") {
            return Pushed::Policy(self.policy("the server could not take the objects"));
        }
        match self.failed(error) {
            GitError::Unreachable { .. } | GitError::Untrusted { .. } => Pushed::Unclear,
            certain => Pushed::Failed(certain),
        }
    }

    fn failed(&self, error: &Error) -> GitError {
        if self.astray.get() {
            return self.redirected();
        }
        trouble::network(error, self.access.remote, self.access.credentials)
    }

    fn redirected(&self) -> GitError {
        GitError::Redirected {
            remote: self.access.remote.to_string(),
        }
    }

    fn fetch_options(&self) -> FetchOptions<'_> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .proxy_options(self.proxy())
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        options
    }

    fn push_options(&self) -> PushOptions<'_> {
        let mut options = PushOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .proxy_options(self.proxy())
            .follow_redirects(RemoteRedirect::None)
            .packbuilder_parallelism(1);
        options
    }

    /// As the environment says (`HTTPS_PROXY`, `NO_PROXY`); this machine is reached directly.
    fn proxy(&self) -> ProxyOptions<'static> {
        let mut options = ProxyOptions::new();
        if !self.access.remote.is_loopback() {
            options.auto();
        }
        options
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|url, _, allowed| self.present(url, allowed));
        callbacks.transfer_progress(|_| self.in_time());
        callbacks.sideband_progress(|text| {
            let mut said = self.said.borrow_mut();
            let room = MOST_SAID.saturating_sub(said.len());
            said.extend(text.iter().take(room));
            self.in_time()
        });
        callbacks.push_update_reference(|_, refusal| {
            self.verdict
                .replace(Some(refusal.map_or(Ok(()), |reason| Err(reason.to_owned()))));
            Ok(())
        });
        callbacks
    }

    fn in_time(&self) -> bool {
        Instant::now() < self.access.deadline
    }

    /// Gives the credential once; being asked again means that it was refused.
    fn present(&self, url: &str, allowed: CredentialType) -> Result<Cred, Error> {
        let refuse = |message| Err(Error::new(ErrorCode::Auth, ErrorClass::Http, message));
        if !self.access.remote.is_same_server(url) {
            self.astray.set(true);
            return refuse("asked for the credential by another server");
        }
        match self.access.credentials {
            Some(credentials) if !self.presented.replace(true) && allowed.is_user_pass_plaintext() => {
                Cred::userpass_plaintext(&credentials.username, credentials.password.expose_secret())
            }
            Some(_) => refuse("the credential was refused"),
            None => refuse("a credential is needed"),
        }
    }
}
