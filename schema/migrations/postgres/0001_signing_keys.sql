-- The public halves of the keys our plugin tokens are signed with; times in seconds since 1970.
create table signing_keys (
    plugin_id text not null,
    key_id text not null,
    public_key text not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (plugin_id, key_id)
);
