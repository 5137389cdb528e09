//! What became of pull requests, asked of a repository in few calls.
//!
//! GitHub gives all of a repository by their last change, a hundred a page; what is not among the newest is asked for
//! one by one. GitLab is asked for the numbers themselves. Both send the texts along; where those are so long that an
//! answer is not read, fewer are asked for at once. Every question is asked conditionally, which GitHub does not count
//! when nothing has changed.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde::Deserialize;

use super::{
    CodeHosts,
    call::{Ask, HostApi},
    error::HostError,
};

/// As many as both hosts put on a page.
const PAGE: usize = 100;

/// As few as are worth a page.
const FEWEST: usize = 6;

/// Pages of a repository's newest that are looked through: a thousand changes since the last look.
const MOST_PAGES: usize = 10;

/// Numbers of one repository asked for one by one in one look; the others have their turn with the next.
const MOST_SINGLE: usize = 100;

/// What became of a pull or merge request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestState {
    /// It waits for somebody.
    Open,
    /// It is in the branch it was meant for.
    Merged,
    /// It was closed without that.
    Closed,
}

/// What a look at a repository has shown.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// What is known. A number that is missing here is not known, which says nothing of it: least of all that it is
    /// closed.
    pub states: BTreeMap<u64, PullRequestState>,
    /// The first thing that went wrong; a rate limit ends the look.
    pub trouble: Option<HostError>,
}

/// What a page said when it was asked for last.
#[derive(Clone)]
pub(super) struct Page {
    tag: String,
    states: Vec<(u64, PullRequestState)>,
}

/// GitHub, "List pull requests" and "Get a pull request".
#[derive(Deserialize)]
struct PullBody {
    number: u64,
    state: String,
    merged_at: Option<String>,
}

/// GitLab, "List project merge requests".
#[derive(Deserialize)]
struct MergeBody {
    iid: u64,
    state: String,
}

/// One look at one repository.
pub(super) struct Look<'a> {
    pub(super) hosts: &'a CodeHosts,
    pub(super) api: &'a HostApi,
}

impl Look<'_> {
    /// Asks for the numbers, given in the order in which they matter.
    pub(super) async fn at(&self, numbers: &[u64], looked: &mut Looked) {
        let outcome = if self.api.is_github {
            self.at_github(numbers, &mut looked.states).await
        } else {
            self.at_gitlab(numbers, &mut looked.states).await
        };
        if let Err(error) = outcome {
            looked.trouble.get_or_insert(error);
        }
    }

    async fn at_github(
        &self,
        numbers: &[u64],
        states: &mut BTreeMap<u64, PullRequestState>,
    ) -> Result<(), HostError> {
        let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
        let (mut size, mut page) = (PAGE, 1);
        while page <= MOST_PAGES {
            let newest = match self.page(self.newest(size, page)).await {
                Err(HostError::TooLong { .. }) if size > FEWEST => {
                    (size, page) = (size / 4, 1);
                    continue;
                }
                Err(HostError::TooLong { .. }) => break,
                read => read?,
            };
            let is_last = newest.len() < size;
            states.extend(newest.into_iter().filter(|(number, _)| wanted.contains(number)));
            // A further page costs as much as asking for one number by itself.
            if is_last || wanted.len() - states.len() <= page {
                break;
            }
            page += 1;
        }
        self.one_by_one(numbers, states).await
    }

    /// The question for a page of GitHub's, what changed last first.
    fn newest(&self, size: usize, page: usize) -> Ask {
        let repository = &self.api.repository;
        Ask::get(&["repos", repository.owner(), repository.repo(), "pulls"])
            .with("state", "all")
            .with("sort", "updated")
            .with("direction", "desc")
            .with("per_page", size)
            .with("page", page)
    }

    /// One that is not found, or fails by itself, does not keep the others from being asked for.
    async fn one_by_one(
        &self,
        numbers: &[u64],
        states: &mut BTreeMap<u64, PullRequestState>,
    ) -> Result<(), HostError> {
        let repository = &self.api.repository;
        let mut trouble = Ok(());
        let missing: Vec<u64> = numbers
            .iter()
            .copied()
            .filter(|number| !states.contains_key(number))
            .take(MOST_SINGLE)
            .collect();
        for number in missing {
            let shown = number.to_string();
            let path = ["repos", repository.owner(), repository.repo(), "pulls", &shown];
            match self.page(Ask::get(&path)).await {
                Ok(one) => states.extend(one.into_iter().filter(|(named, _)| *named == number)),
                Err(HostError::NotCovered { repository, .. }) => {
                    trouble = trouble.and(Err(HostError::NoPullRequest { repository, number }));
                }
                Err(error @ HostError::TooLong { .. }) => trouble = trouble.and(Err(error)),
                Err(error) => return Err(error),
            }
        }
        trouble
    }

    async fn at_gitlab(
        &self,
        numbers: &[u64],
        states: &mut BTreeMap<u64, PullRequestState>,
    ) -> Result<(), HostError> {
        let project = self.api.project();
        let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
        let wanted: Vec<u64> = wanted.into_iter().collect();
        let (mut left, mut trouble) = (wanted.chunks(PAGE).rev().collect::<Vec<_>>(), Ok(()));
        while let Some(some) = left.pop() {
            let ask = Ask::get(&["projects", &project, "merge_requests"])
                .with("state", "all")
                .with("order_by", "updated_at")
                .with("per_page", PAGE);
            let ask = some.iter().fold(ask, |ask, number| ask.with("iids[]", number));
            match self.page(ask).await {
                Ok(found) => {
                    states.extend(found.into_iter().filter(|(number, _)| some.contains(number)));
                }
                Err(HostError::TooLong { .. }) if some.len() > 1 => {
                    let (first, second) = some.split_at(some.len() / 2);
                    left.extend([second, first]);
                }
                Err(error @ HostError::TooLong { .. }) => trouble = trouble.and(Err(error)),
                Err(error) => return Err(error),
            }
        }
        trouble
    }

    /// Asks for a list or for one; what has not changed since is not sent again.
    async fn page(&self, ask: Ask) -> Result<Vec<(u64, PullRequestState)>, HostError> {
        let key = format!("{} {}", self.api.base, ask.address());
        let known = self.hosts.pages.get(&key);
        let tag = known.as_ref().map(|page| page.tag.clone());
        let answer = self.hosts.ask(self.api, &ask.unless(tag)).await?;
        if let (StatusCode::NOT_MODIFIED, Some(page)) = (answer.status, known) {
            return Ok(page.states);
        }
        let states = if self.api.is_github {
            self.pulls(&answer.body)?
        } else {
            let bodies: Vec<MergeBody> = self.api.read(&answer, "it is no list of merge requests")?;
            bodies.into_iter().filter_map(MergeBody::state).collect()
        };
        if let Some(tag) = answer.tag() {
            let states = states.clone();
            self.hosts.pages.insert(key, Page { tag, states });
        }
        Ok(states)
    }

    fn pulls(&self, body: &[u8]) -> Result<Vec<(u64, PullRequestState)>, HostError> {
        let list = serde_json::from_slice::<Vec<PullBody>>(body);
        let bodies = list.or_else(|_| serde_json::from_slice(body).map(|one: PullBody| vec![one]));
        let bodies = bodies.map_err(|_| {
            self.api
                .malformed("it is neither a pull request nor a list of them")
        })?;
        Ok(bodies.into_iter().filter_map(PullBody::state).collect())
    }
}

impl PullBody {
    /// `None` for a state that is none GitHub documents: then nothing is known.
    fn state(self) -> Option<(u64, PullRequestState)> {
        let state = match (self.state.as_str(), self.merged_at) {
            ("open", _) => PullRequestState::Open,
            ("closed", Some(_)) => PullRequestState::Merged,
            ("closed", None) => PullRequestState::Closed,
            _ => return None,
        };
        Some((self.number, state))
    }
}

impl MergeBody {
    /// `locked` is for the moment of merging.
    fn state(self) -> Option<(u64, PullRequestState)> {
        let state = match self.state.as_str() {
            "opened" | "locked" => PullRequestState::Open,
            "merged" => PullRequestState::Merged,
            "closed" => PullRequestState::Closed,
            _ => return None,
        };
        Some((self.iid, state))
    }
}
