-- What was asked for and is not on the platform yet; times in seconds since 1970.
create table ske_pending_requests (
    id text primary key,
    promise_name text not null,
    resource_group text not null,
    resource_version text not null,
    resource_kind text not null,
    namespace text not null,
    name text not null,
    -- 'upsert' or 'delete'
    lane text not null,
    -- 'Request', 'Update' or 'Delete'
    action text not null,
    pull_request_url text,
    requests_repo_url text,
    -- As it was submitted; may hold secrets that somebody typed into a form.
    manifest text not null,
    requested_by text,
    -- 'none', 'open' or 'merged'; a rejected one is gone.
    pull_request_state text not null,
    -- A number drawn anew whenever something changes that a reader can see.
    stamp bigint not null,
    -- When the platform and when the pull request were last looked at; 0 is never.
    looked_at bigint not null,
    reviewed_at bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (promise_name, namespace, name, lane)
);

create index ske_pending_requests_object on ske_pending_requests (name, namespace, resource_kind);
create index ske_pending_requests_looked_at on ske_pending_requests (looked_at, id);
create index ske_pending_requests_reviewed_at on ske_pending_requests (pull_request_state, reviewed_at, id);
