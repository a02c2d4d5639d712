-- Vendors whose refresh tokens rotate: the newest pair is kept here, since no other copy is good.

create table ops.vendor_tokens (
    connection text primary key,
    first_token text not null,
    access_token text not null default '',
    refresh_token text not null,
    expires_at timestamptz,
    refreshing_since timestamptz
);
comment on table ops.vendor_tokens is
    'One row per connection whose OAuth tokens rotate. No role reads it, and no backup has its rows.';
comment on column ops.vendor_tokens.first_token is
    'A hash of the refresh token in the connection; a new one there begins anew.';
comment on column ops.vendor_tokens.refreshing_since is
    'When a refresh was begun whose answer is not stored: the vendor may have ended the refresh token.';
