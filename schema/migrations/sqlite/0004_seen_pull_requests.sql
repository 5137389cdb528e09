-- When the pull request was last seen open; what was recorded before this was known counts from now on.
alter table ske_pending_requests add column seen_at bigint not null default 0;
update ske_pending_requests set seen_at = cast(strftime('%s', 'now') as integer);
