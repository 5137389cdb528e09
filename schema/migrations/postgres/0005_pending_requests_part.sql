-- Which parts of the table changed is read from this alone.
create index ske_pending_requests_part on ske_pending_requests (id, stamp);
