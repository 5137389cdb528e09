//! Git's smart HTTP protocol over our own client: libgit2 speaks Git, and asks here for the exchanges.

use std::{cell::RefCell, sync::Arc};

use git2::{
    Error, Remote,
    transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport},
};
use reqwest::{
    RequestBuilder, Response,
    header::{ACCEPT, CONTENT_TYPE, LOCATION, USER_AGENT},
};
use secrecy::ExposeSecret as _;

use super::{
    error::GitError,
    exchange::Exchange,
    session::{Failure, Session},
    trouble,
};

/// Servers tell Git from browsers by how it begins.
const AGENT: &str = concat!("git/2.0 (stagedoor ", env!("CARGO_PKG_VERSION"), ")");

thread_local! {
    /// Whose transport libgit2 asks for next; it asks on the thread that connects.
    static NEXT: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// Lets libgit2 connect through the session.
pub(super) fn through<T>(session: &Arc<Session>, connect: impl FnOnce() -> T) -> T {
    NEXT.set(Some(Arc::clone(session)));
    let outcome = connect();
    NEXT.take();
    outcome
}

/// The factory that libgit2 calls for a remote.
///
/// # Errors
/// There is no session to connect through.
pub(super) fn transport(remote: &Remote<'_>) -> Result<Transport, Error> {
    let session = NEXT.take();
    let session = session.ok_or_else(|| Error::from_str("there is no session to connect through"))?;
    Transport::smart(remote, true, SmartHttp(session))
}

struct SmartHttp(Arc<Session>);

impl SmartSubtransport for SmartHttp {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        Ok(Box::new(Exchange::new(Arc::clone(&self.0), Call::of(service))))
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A request of the protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    service: &'static str,
    /// Whether it asks for the references; else it sends something.
    pub(super) lists: bool,
    /// Whether the answer is a pack, which goes to the disk.
    pub(super) downloads: bool,
}

impl Call {
    fn of(service: Service) -> Self {
        let (service, lists) = match service {
            Service::UploadPackLs => ("git-upload-pack", true),
            Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs => ("git-receive-pack", true),
            Service::ReceivePack => ("git-receive-pack", false),
        };
        Self {
            service,
            lists,
            downloads: !lists && service == "git-upload-pack",
        }
    }

    /// The request without a body.
    pub(super) fn request(self, session: &Session) -> RequestBuilder {
        let (base, service) = (session.remote.as_str().trim_end_matches('/'), self.service);
        let request = if self.lists {
            let url = format!("{base}/info/refs?service={service}");
            session.client.get(url)
        } else {
            let request = session.client.post(format!("{base}/{service}"));
            request
                .header(CONTENT_TYPE, format!("application/x-{service}-request"))
                .header(ACCEPT, self.content_type())
        };
        let request = request.header(USER_AGENT, AGENT);
        match &session.credentials {
            Some(given) => request.basic_auth(&given.username, Some(given.password.expose_secret())),
            None => request,
        }
    }

    /// Tells an answer in Git's protocol from everything else a web server says.
    pub(super) fn judge(self, session: &Session, response: Response) -> Result<Response, Failure> {
        let remote = session.remote.to_string();
        let status = response.status();
        let certain = |error| Err(Failure { error, acted: false });
        match status.as_u16() {
            200 if content_type(&response) == self.content_type() => Ok(response),
            200 => Err(Failure {
                error: session.unreachable("it answers in another way than a Git server does"),
                acted: true,
            }),
            300..=399 => certain(GitError::Redirected {
                target: target(session, &response),
                remote,
            }),
            401 => certain(GitError::CredentialsRefused { remote }),
            403 => certain(GitError::NotPermitted { remote }),
            404 | 410 => certain(GitError::RepositoryMissing { remote }),
            413 if !self.lists => certain(GitError::PushRefused {
                sentence: "it is larger than the server takes".to_owned(),
            }),
            _ => Err(Failure {
                error: session.unreachable(&format!("it answers with status {}", status.as_u16())),
                acted: true,
            }),
        }
    }

    fn content_type(self) -> String {
        let kind = if self.lists { "advertisement" } else { "result" };
        format!("application/x-{}-{kind}", self.service)
    }
}

fn content_type(response: &Response) -> &str {
    let value = response.headers().get(CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Where a redirect leads, as an address to configure.
fn target(session: &Session, response: &Response) -> String {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let Some(mut url) = location.and_then(|location| response.url().join(location).ok()) else {
        return "another address".to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    let _ = (url.set_username(""), url.set_password(None));
    let base = url.as_str().trim_end_matches("/info/refs");
    trouble::plain(base, session.credentials.as_ref())
}
