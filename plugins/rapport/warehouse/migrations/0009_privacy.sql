create schema privacy;

create table privacy.salt (
    is_only boolean primary key default true check (is_only),
    salt bytea not null
);
comment on table privacy.salt is 'One row: what is hashed together with each tombstone.';

create table privacy.requests (
    request_id bigint generated always as identity primary key,
    kind text not null check (kind in ('erase', 'access')),
    person text,
    state text not null default 'open' check (state in ('open', 'running', 'done', 'failed')),
    requested_at timestamptz not null,
    due_at timestamptz not null,
    finished_at timestamptz,
    problem text
);
comment on table privacy.requests is
    'One row per request of a person; what they were named by is forgotten once it is done.';

create table privacy.subjects (
    request_id bigint not null references privacy.requests,
    namespace text not null,
    value text collate "C" not null,
    primary key (request_id, namespace, value)
);
comment on table privacy.subjects is
    'One row per id of a person whose erasure is under way; none once it is done.';

create table privacy.receipts (
    request_id bigint not null references privacy.requests,
    store text not null,
    state text not null check (state in ('erased', 'nothing', 'by_hand')),
    items bigint not null,
    answer text,
    at timestamptz not null default clock_timestamp(),
    primary key (request_id, store)
);
comment on table privacy.receipts is
    'One row per request and store or tool: how much was erased, what the tool answered.';

create table privacy.tombstones (
    hash bytea primary key,
    request_id bigint,
    erased_at timestamptz not null
);
comment on table privacy.tombstones is
    'One row per salted hash of an id of somebody erased; what carries it does not land again.';
