//! The table: every query about recorded requests, for both kinds of database.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use uuid::Uuid;

use super::{
    input::NewRequest,
    lifecycle::StaleBefore,
    list::Filter,
    request::{Action, PendingRequest, Review},
};
use crate::{
    infra::database::{DatabaseError, Pool, on_pool},
    plugins::ske::domain::ObjectRef,
};

/// Records there may be. Recording more is refused, so that a feed or a mistake in a loop stays bounded.
pub(super) const MOST_RECORDS: i64 = 100_000;

/// What every query reads: all but the manifest.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, promise_name, resource_group, resource_version, resource_kind, namespace, name, action, \
             pull_request_url, requests_repo_url, requested_by, pull_request_state, stamp, seen_at, created_at, \
             updated_at from ske_pending_requests ",
            $rest
        )
    };
}

/// The table in an open database.
#[derive(Debug, Clone)]
pub(super) struct Store(pub(super) Pool);

/// Asked for each time the catalog reads; an index holds all of it.
pub(super) const FINGERPRINT: &str =
    "select count(*), cast(coalesce(sum(stamp), 0) as bigint) from ske_pending_requests";

/// The same for the records whose ids begin with the same two digits; another index holds all of it.
pub(super) const PARTS: &str = "select substr(id, 1, 2), count(*), cast(sum(stamp) as bigint) \
                                from ske_pending_requests group by 1 order by 1";

/// Tells one state of what readers can see from every other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(i64, i64);

impl Store {
    /// Records the request, in the place of the caller's earlier one of the same key; returns what is recorded now, or
    /// `None` when another caller's is there or the table is full.
    pub(super) async fn record(
        &self,
        request: &NewRequest,
        requested_by: Option<&str>,
        now: i64,
    ) -> Result<Option<PendingRequest>, DatabaseError> {
        const SQL: &str = "insert into ske_pending_requests (id, promise_name, resource_group, resource_version, \
             resource_kind, namespace, name, lane, action, pull_request_url, requests_repo_url, manifest, \
             requested_by, pull_request_state, stamp, looked_at, reviewed_at, created_at, updated_at) \
             select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0, $16, $16 \
             where (select count(*) from ske_pending_requests) < $17 \
                or exists (select 1 from ske_pending_requests where promise_name = $2 and namespace = $6 and name = $7 \
                           and lane = $8) \
             on conflict (promise_name, namespace, name, lane) do update set \
             resource_group = excluded.resource_group, resource_version = excluded.resource_version, \
             resource_kind = excluded.resource_kind, action = excluded.action, \
             pull_request_url = excluded.pull_request_url, requests_repo_url = excluded.requests_repo_url, \
             manifest = excluded.manifest, requested_by = excluded.requested_by, \
             pull_request_state = excluded.pull_request_state, stamp = excluded.stamp, looked_at = 0, \
             reviewed_at = 0, updated_at = excluded.updated_at \
             where ske_pending_requests.requested_by is null \
                or ske_pending_requests.requested_by = excluded.requested_by \
             returning id, promise_name, resource_group, resource_version, resource_kind, namespace, name, action, \
             pull_request_url, requests_repo_url, requested_by, pull_request_state, stamp, seen_at, created_at, updated_at";
        let object = &request.object;
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(Uuid::new_v4().to_string())
                .bind(&request.promise)
                .bind(object.api_version.group())
                .bind(object.api_version.version())
                .bind(object.kind.as_str())
                .bind(object.namespace.as_str())
                .bind(object.name.as_str())
                .bind(request.action.lane().word())
                .bind(request.action.word())
                .bind(request.pull_request_url.as_deref())
                .bind(request.repository.as_deref())
                .bind(&request.manifest)
                .bind(requested_by)
                .bind(request.review().word())
                .bind(new_stamp())
                .bind(now)
                .bind(MOST_RECORDS)
                .fetch_optional(pool)
                .await
        })
    }

    /// What is recorded under the request's key.
    pub(super) async fn of_key(&self, request: &NewRequest) -> Result<Option<PendingRequest>, DatabaseError> {
        const SQL: &str = select!("where promise_name = $1 and namespace = $2 and name = $3 and lane = $4");
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(&request.promise)
                .bind(request.object.namespace.as_str())
                .bind(request.object.name.as_str())
                .bind(request.action.lane().word())
                .fetch_optional(pool)
                .await
        })
    }

    /// The records that fit, by id, from behind that one on.
    pub(super) async fn list(
        &self,
        filter: &Filter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<PendingRequest>, DatabaseError> {
        const SQL: &str = select!(
            "where id > $1 and (cast($2 as text) is null or promise_name = $2) \
             and (cast($3 as text) is null or namespace = $3) and (cast($4 as text) is null or name = $4) \
             and (cast($5 as text) is null or resource_kind = $5) order by id limit $6"
        );
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(after)
                .bind(filter.promise.as_deref())
                .bind(filter.namespace.as_deref())
                .bind(filter.name.as_deref())
                .bind(filter.kind.as_deref())
                .bind(limit)
                .fetch_all(pool)
                .await
        })
    }

    /// The records about an object, of whatever version and lane.
    pub(super) async fn about(&self, object: &ObjectRef) -> Result<Vec<PendingRequest>, DatabaseError> {
        const SQL: &str =
            select!("where name = $1 and namespace = $2 and resource_kind = $3 and resource_group = $4");
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(object.name.as_str())
                .bind(object.namespace.as_str())
                .bind(object.kind.as_str())
                .bind(object.api_version.group())
                .fetch_all(pool)
                .await
        })
    }

    /// The records whose platform was not looked at for the longest time.
    pub(super) async fn to_look_at(&self, limit: i64) -> Result<Vec<PendingRequest>, DatabaseError> {
        const SQL: &str = select!("order by looked_at, id limit $1");
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(limit)
                .fetch_all(pool)
                .await
        })
    }

    /// The records with an open pull request that was not asked about for the longest time.
    pub(super) async fn to_review(&self, limit: i64) -> Result<Vec<PendingRequest>, DatabaseError> {
        const SQL: &str = select!("where pull_request_state = 'open' order by reviewed_at, id limit $1");
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(limit)
                .fetch_all(pool)
                .await
        })
    }

    /// The records without an open pull request that nothing happened to since, and those whose open one nobody has seen
    /// since.
    pub(super) async fn stale(
        &self,
        stale: StaleBefore,
        limit: i64,
    ) -> Result<Vec<PendingRequest>, DatabaseError> {
        const SQL: &str = select!(
            "where (updated_at < $1 and pull_request_state <> 'open') \
             or (updated_at < $2 and seen_at < $2 and pull_request_state = 'open') order by updated_at limit $3"
        );
        on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, PendingRequest>(SQL)
                .bind(stale.moved)
                .bind(stale.seen)
                .bind(limit)
                .fetch_all(pool)
                .await
        })
    }

    /// When the platform was last looked at for any of them; 0 if it never was.
    pub(super) async fn last_looked(&self) -> Result<i64, DatabaseError> {
        self.moment("select coalesce(max(looked_at), 0) from ske_pending_requests")
            .await
    }

    /// When any pull request was last asked about; 0 if none was.
    pub(super) async fn last_reviewed(&self) -> Result<i64, DatabaseError> {
        self.moment("select coalesce(max(reviewed_at), 0) from ske_pending_requests")
            .await
    }

    async fn moment(&self, sql: &'static str) -> Result<i64, DatabaseError> {
        let (moment,) = on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, (i64,)>(sql).fetch_one(pool).await
        })?;
        Ok(moment)
    }

    /// Notes that the platform was looked at, whatever was seen.
    pub(super) async fn looked(&self, id: &str, now: i64) -> Result<(), DatabaseError> {
        self.note(
            "update ske_pending_requests set looked_at = $2 where id = $1",
            id,
            now,
        )
        .await
    }

    /// Notes that the pull request was asked about, whatever was learned.
    pub(super) async fn reviewed(&self, id: &str, now: i64) -> Result<(), DatabaseError> {
        self.note(
            "update ske_pending_requests set reviewed_at = $2 where id = $1",
            id,
            now,
        )
        .await
    }

    /// Notes that the pull request was seen open.
    pub(super) async fn seen(&self, id: &str, now: i64) -> Result<(), DatabaseError> {
        self.note(
            "update ske_pending_requests set seen_at = $2 where id = $1",
            id,
            now,
        )
        .await
    }

    async fn note(&self, sql: &'static str, id: &str, now: i64) -> Result<(), DatabaseError> {
        on_pool!(&self.0, |pool| {
            sqlx::query(sql).bind(id).bind(now).execute(pool).await.map(drop)
        })
    }

    /// Notes that the pull request was merged, unless the request was recorded anew meanwhile; says whether it did.
    pub(super) async fn merged(&self, request: &PendingRequest, now: i64) -> Result<bool, DatabaseError> {
        const SQL: &str = "update ske_pending_requests set pull_request_state = 'merged', stamp = $3, updated_at = $4 \
                           where id = $1 and stamp = $2";
        let noted = on_pool!(&self.0, |pool| {
            sqlx::query(SQL)
                .bind(&request.id)
                .bind(request.stamp)
                .bind(new_stamp())
                .bind(now)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(noted > 0)
    }

    /// Removes the record, unless the request was recorded anew meanwhile; says whether it did.
    pub(super) async fn withdraw(&self, request: &PendingRequest) -> Result<bool, DatabaseError> {
        const SQL: &str = "delete from ske_pending_requests where id = $1 and stamp = $2";
        let removed = on_pool!(&self.0, |pool| {
            let query = sqlx::query(SQL).bind(&request.id).bind(request.stamp);
            query.execute(pool).await.map(|done| done.rows_affected())
        })?;
        Ok(removed > 0)
    }

    /// The manifest as it was recorded; none when the request was recorded anew meanwhile.
    pub(super) async fn manifest(&self, request: &PendingRequest) -> Result<Option<String>, DatabaseError> {
        const SQL: &str = "select manifest from ske_pending_requests where id = $1 and stamp = $2";
        on_pool!(&self.0, |pool| {
            let query = sqlx::query_scalar(SQL).bind(&request.id).bind(request.stamp);
            query.fetch_optional(pool).await
        })
    }

    /// Tells whether anything changed that readers can see.
    pub(super) async fn fingerprint(&self) -> Result<Fingerprint, DatabaseError> {
        let (count, sum) = on_pool!(&self.0, |pool| {
            sqlx::query_as::<_, (i64, i64)>(FINGERPRINT).fetch_one(pool).await
        })?;
        Ok(Fingerprint(count, sum))
    }

    /// The fingerprints of the parts of the table, each with the two digits that its ids begin with. Ids are random, so
    /// there are up to 256 parts of about the same size.
    pub(super) async fn parts(&self) -> Result<Vec<(String, Fingerprint)>, DatabaseError> {
        let rows = on_pool!(&self.0, |pool| {
            let query = sqlx::query_as::<_, (String, i64, i64)>(PARTS);
            query.fetch_all(pool).await
        })?;
        let part = |(beginning, count, sum)| (beginning, Fingerprint(count, sum));
        Ok(rows.into_iter().map(part).collect())
    }

    /// The records of one part, by id.
    pub(super) async fn part(&self, beginning: &str) -> Result<Vec<PendingRequest>, DatabaseError> {
        // Behind every digit of an id comes `g`.
        const SQL: &str = select!("where id >= $1 and id < cast($1 as text) || 'g' order by id");
        on_pool!(&self.0, |pool| {
            let query = sqlx::query_as::<_, PendingRequest>(SQL).bind(beginning);
            query.fetch_all(pool).await
        })
    }
}

impl Fingerprint {
    /// That of these records alone.
    pub(super) fn of(requests: &[PendingRequest]) -> Self {
        let mut of = Self::default();
        requests.iter().for_each(|request| of.add(request));
        of
    }

    /// Counts all records of the other.
    pub(super) fn join(&mut self, other: Self) {
        self.0 += other.0;
        self.1 = self.1.wrapping_add(other.1);
    }

    /// Counts one more record.
    pub(super) fn add(&mut self, request: &PendingRequest) {
        self.0 += 1;
        self.1 = self.1.wrapping_add(request.stamp);
    }
}

/// Drawn so that the sum over all records fits, and that two states of the table never have the same sum by chance.
fn new_stamp() -> i64 {
    const BITS: u32 = 45;
    let (random, _) = Uuid::new_v4().as_u64_pair();
    // The version of a UUID stands in the lower half of these bits.
    i64::try_from(random >> (u64::BITS - BITS)).unwrap_or_default()
}

impl<'r, R> FromRow<'r, R> for PendingRequest
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    i64: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let text = |column: &'static str| row.try_get::<String, _>(column);
        let optional = |column: &'static str| row.try_get::<Option<String>, _>(column);
        let number = |column: &'static str| row.try_get::<i64, _>(column);
        Ok(Self {
            id: text("id")?,
            promise: text("promise_name")?,
            group: text("resource_group")?,
            version: text("resource_version")?,
            kind: text("resource_kind")?,
            namespace: text("namespace")?,
            name: text("name")?,
            action: Action::of_word(&text("action")?),
            pull_request_url: optional("pull_request_url")?,
            repository: optional("requests_repo_url")?,
            requested_by: optional("requested_by")?,
            review: Review::of_word(&text("pull_request_state")?),
            stamp: number("stamp")?,
            seen_at: number("seen_at")?,
            created_at: number("created_at")?,
            updated_at: number("updated_at")?,
        })
    }
}
