//! One recorded request, and what is said of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plugins::ske::domain::ObjectRef;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::plugins::ske) enum Action {
    /// A new resource.
    Request,
    /// A change of one.
    Update,
    /// Its end.
    Delete,
}

/// Requests of one resource in the same lane replace each other, as pull requests from one branch do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// `Request` and `Update`.
    Upsert,
    /// `Delete`.
    Delete,
}

/// How far the pull request is, as far as anybody knows. A rejected one is gone with its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Review {
    /// There is none.
    None,
    /// It waits for somebody.
    Open,
    /// It was merged.
    Merged,
}

/// What the portal's pages know it by: `kratix.io/phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// The pull request waits for approval.
    PendingReview,
    /// The resource is to go.
    PendingDeletion,
    /// It was handed to the platform.
    Submitted,
    /// The pull request was merged and the platform has not followed yet.
    Merged,
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingRequest {
    /// Stays the same when the request is recorded anew.
    pub(super) id: String,
    pub(super) promise: String,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) action: Action,
    pub(super) pull_request_url: Option<String>,
    /// As the scaffolder's field writes it: `github.com?owner=O&repo=R`.
    pub(super) repository: Option<String>,
    pub(super) requested_by: Option<String>,
    pub(super) review: Review,
    /// Tells this state of the record from every other.
    pub(super) stamp: i64,
    /// When the pull request was last seen open.
    pub(super) seen_at: i64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

impl Action {
    /// The word of the documentation, which the table keeps too.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }

    /// Reads the table's word. What we did not write ourselves is taken for the mildest: it hides no other record.
    pub(super) fn of_word(word: &str) -> Self {
        match word {
            "Update" => Self::Update,
            "Delete" => Self::Delete,
            _ => Self::Request,
        }
    }

    pub(super) fn lane(self) -> Lane {
        match self {
            Self::Request | Self::Update => Lane::Upsert,
            Self::Delete => Lane::Delete,
        }
    }
}

impl Lane {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Delete => "delete",
        }
    }
}

impl Review {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Merged => "merged",
        }
    }

    pub(super) fn of_word(word: &str) -> Self {
        match word {
            "open" => Self::Open,
            "merged" => Self::Merged,
            _ => Self::None,
        }
    }
}

impl PendingRequest {
    /// What the portal shows.
    pub(super) fn phase(&self) -> Phase {
        match (self.action, self.review) {
            (Action::Delete, _) => Phase::PendingDeletion,
            (_, Review::None) => Phase::Submitted,
            (_, Review::Open) => Phase::PendingReview,
            (_, Review::Merged) => Phase::Merged,
        }
    }

    /// `group/version`, or `version` alone for the core group.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The object it is about; `None` for a row that somebody else wrote.
    pub(super) fn object(&self) -> Option<ObjectRef> {
        ObjectRef::parse(&self.api_version(), &self.kind, Some(&self.namespace), &self.name).ok()
    }
}
