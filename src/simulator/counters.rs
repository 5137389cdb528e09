//! What clients did: how many calls of each kind, how many at once, with which headers.

use std::collections::{BTreeMap, VecDeque};

use http::HeaderMap;

/// Requests remembered in full; enough for any test, and small while a benchmark runs for minutes.
const REMEMBERED_REQUESTS: usize = 256;

/// Totals since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// HTTP requests of any kind.
    pub requests: u64,
    /// Documents refused by validation, or bodies that were no GraphQL request.
    pub refused_documents: u64,
    /// Most requests being answered at the same time.
    pub max_concurrent: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// Calls by root field, such as `stacks`; a failed or delayed call counts as well.
    pub by_field: BTreeMap<String, u64>,
}

impl Counters {
    /// Calls of one root field.
    pub fn calls(&self, field: &str) -> u64 {
        self.by_field.get(field).copied().unwrap_or(0)
    }

    /// Calls of `apiKeyUser`.
    pub fn logins(&self) -> u64 {
        self.calls("apiKeyUser")
    }

    /// Calls of `stacks` or `searchStacks`.
    pub fn lists(&self) -> u64 {
        self.calls("stacks") + self.calls("searchStacks")
    }

    /// Calls of `runTrigger`.
    pub fn triggers(&self) -> u64 {
        self.calls("runTrigger")
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The name of the operation, if it has one.
    pub operation: Option<String>,
    /// The root fields asked for.
    pub fields: Vec<String>,
    /// The variables; null for a login, whose secret must not appear anywhere.
    pub variables: serde_json::Value,
    /// All request headers.
    pub headers: HeaderMap,
}

/// Counts and remembers.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    totals: Counters,
    in_flight: u64,
    remembered: VecDeque<RecordedRequest>,
}

impl Recorder {
    pub(super) fn connection(&mut self) {
        self.totals.connections += 1;
    }

    pub(super) fn request_begins(&mut self) {
        self.totals.requests += 1;
        self.in_flight += 1;
        self.totals.max_concurrent = self.totals.max_concurrent.max(self.in_flight);
    }

    pub(super) fn request_ends(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn refused(&mut self) {
        self.totals.refused_documents += 1;
    }

    pub(super) fn operation(&mut self, request: RecordedRequest) {
        for field in &request.fields {
            *self.totals.by_field.entry(field.clone()).or_default() += 1;
        }
        if self.remembered.len() == REMEMBERED_REQUESTS {
            self.remembered.pop_front();
        }
        self.remembered.push_back(request);
    }

    pub(super) fn totals(&self) -> Counters {
        self.totals.clone()
    }

    pub(super) fn remembered(&self) -> Vec<RecordedRequest> {
        self.remembered.iter().cloned().collect()
    }

    /// Forgets everything but what is in flight.
    pub(super) fn reset(&mut self) {
        self.totals = Counters::default();
        self.remembered.clear();
    }
}
