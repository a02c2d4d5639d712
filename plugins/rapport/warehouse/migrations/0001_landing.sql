create schema raw;

create table raw.loads (
    load_id bigint generated always as identity primary key,
    run_id text not null,
    source text not null,
    stream text not null,
    as_of timestamptz not null,
    started_at timestamptz not null default clock_timestamp(),
    committed_at timestamptz,
    finished_at timestamptz,
    read bigint not null default 0,
    landed bigint not null default 0,
    unchanged bigint not null default 0,
    rejected bigint not null default 0,
    repaired bigint not null default 0,
    deleted bigint not null default 0,
    warning text
);
create index loads_by_stream on raw.loads (source, stream, load_id);
comment on table raw.loads is 'One row per load of a stream; counts are of what is committed.';

create table raw.watermarks (
    source text not null,
    stream text not null,
    position jsonb not null,
    load_id bigint not null references raw.loads,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (source, stream)
);
comment on table raw.watermarks is 'One row per stream: where the next load begins.';

create table raw.writers (
    source text not null,
    stream text not null,
    token bigint not null,
    backend_pid integer not null,
    heartbeat_at timestamptz not null default clock_timestamp(),
    primary key (source, stream)
);
comment on table raw.writers is 'One row per stream: the fencing token of its only writer.';

create table raw.rejected_records (
    rejection_id bigint generated always as identity primary key,
    load_id bigint not null references raw.loads,
    source text not null,
    stream text not null,
    outcome text not null check (outcome in ('rejected', 'repaired')),
    reason text not null,
    record_key text collate "C",
    original bytea not null,
    original_hash bytea not null,
    rejected_at timestamptz not null default clock_timestamp(),
    unique (source, stream, original_hash, reason)
);
comment on table raw.rejected_records is
    'One row per record that could not be landed as it was sent, with its original bytes.';

create table raw.completeness (
    source text not null,
    stream text not null,
    day date not null,
    at_vendor bigint not null,
    landed bigint not null,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (source, stream, day)
);
comment on table raw.completeness is
    'One row per stream and day: the count the vendor gives and the count landed.';
