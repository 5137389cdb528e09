//! What a failed invocation gets besides its body: a short id in body, phrase and log, and the reason phrase.

use axum::{body::Body, response::Response};
use http::{Method, Request};
use hyper::ext::ReasonPhrase;

use super::{reason::phrase, routes::invokes, settings::ActionSettings};
use crate::{
    backstage::error::BackstageError,
    infra::http_server::{Arrival, FailureCause, RequestId},
};

/// The field of the error object that names the failure; the log line's field has the same name.
const ID_FIELD: &str = "requestId";

/// A request that invokes an action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation {
    id: Option<RequestId>,
}

impl Invocation {
    /// Recognises one by its method and its path, relative to the mount.
    pub(crate) fn of(request: &Request<Body>) -> Option<Self> {
        let found = *request.method() == Method::POST && invokes(request.uri().path());
        found.then(|| Self {
            id: request.extensions().get::<Arrival>().map(|arrival| arrival.id),
        })
    }

    /// Names the failure in its body.
    pub(crate) fn name(self, error: BackstageError) -> BackstageError {
        match self.id {
            Some(id) => error.with_field(ID_FIELD, id.to_string().into()),
            None => error,
        }
    }

    /// Writes the reason phrase, and sees to it that the log line tells of the failure whatever its status.
    pub(crate) fn explain(self, error: &BackstageError, response: &mut Response, settings: &ActionSettings) {
        let id = self.id.map(|id| id.to_string());
        let phrase = phrase(error.message(), id.as_deref(), &settings.secrets);
        let extensions = response.extensions_mut();
        if let Ok(phrase) = ReasonPhrase::try_from(phrase) {
            extensions.insert(phrase);
        }
        if extensions.get::<FailureCause>().is_none() {
            extensions.insert(FailureCause(error.logged().to_owned()));
        }
    }
}
