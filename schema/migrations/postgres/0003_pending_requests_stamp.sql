-- Whether anything changed is read from this alone.
create index ske_pending_requests_stamp on ske_pending_requests (stamp);
