-- What identity remembers between nights. The dictionaries give every text one 64-bit key by a
-- unique constraint, so that two texts cannot share a key.

create schema if not exists identity;

create table identity.state (
    is_only boolean primary key default true check (is_only),
    rules_hash text,
    forms_hash text,
    resolved_run_id text,
    resolved_as_of timestamptz,
    customers bigint not null default 0,
    must_rebuild boolean not null default true
);
insert into identity.state default values;

create table identity.rules (
    identifier_type text primary key,
    weight integer not null,
    cap integer not null,
    is_weak boolean not null,
    is_marker text not null check (is_marker in ('always', 'confirmed', 'never'))
);
comment on table identity.rules is 'One row per identifier type: the rules file as the models read it.';

create table identity.sources (
    source text primary key,
    region text not null,
    rank integer not null
);
comment on table identity.sources is 'One row per source: its default phone region and its place in the order of sources.';

create table identity.profiles (
    profile_key bigint generated always as identity primary key,
    profile_id text collate "C" not null unique
);

create table identity.identifiers (
    identifier_key bigint generated always as identity primary key,
    identifier_type text not null,
    normal_form text collate "C" not null,
    unique (identifier_type, normal_form)
);

create table identity.normal_forms (
    identifier_type text not null,
    raw_value text collate "C" not null,
    region text not null,
    normal_form text,
    problem text,
    identifier_key bigint,
    primary key (identifier_type, raw_value, region)
);

create table identity.changed_profiles (profile_key bigint primary key);
comment on table identity.changed_profiles is 'Profiles whose identifiers changed since the last resolution.';

create table identity.former_identifiers (
    profile_key bigint not null,
    identifier_key bigint not null,
    primary key (profile_key, identifier_key)
);
comment on table identity.former_identifiers is 'What the changed profiles offered at the last resolution.';

create table identity.capped (identifier_key bigint primary key);
comment on table identity.capped is 'The hubs as of the last resolution.';

create table identity.overrides (
    kind text not null check (kind in ('must_link', 'cannot_link', 'match')),
    profile_a text collate "C" not null,
    profile_b text collate "C" not null,
    primary key (kind, profile_a, profile_b)
);
comment on table identity.overrides is 'The pairs that the last resolution obeyed.';

create table identity.members (
    profile_id text collate "C" not null,
    customer_id text collate "C" not null,
    as_of timestamptz not null,
    profile_key bigint not null,
    region_key bigint not null,
    has_match boolean not null default false,
    constraint members_pkey primary key (profile_key)
);
create index members_region_key on identity.members (region_key);
comment on table identity.members is 'One row per profile: the customer it belongs to, since the night of as_of.';
comment on column identity.members.region_key is 'Customers of one region would be one customer without cut edges; a region is resolved as a whole.';

create table identity.aliases (
    alias_id text collate "C" primary key,
    customer_id text collate "C" not null,
    since timestamptz not null,
    anchor_profile_id text collate "C" not null
);
create index aliases_of_merged on identity.aliases (customer_id) where alias_id <> customer_id;
comment on table identity.aliases is 'One row per customer id that ever existed: the customer it means today.';

create table identity.merge_log (
    merge_id bigint generated always as identity primary key,
    run_id text not null,
    as_of timestamptz not null,
    kind text not null check (kind in ('merged', 'split', 'reanchored')),
    from_customer_id text not null,
    to_customer_id text not null,
    profiles integer not null,
    cause jsonb not null default '{}'
);
create index merge_log_as_of on identity.merge_log (as_of);

create table identity.cut_edges (
    profile_key bigint not null,
    identifier_key bigint not null,
    reason text not null,
    detail text not null default '',
    primary key (profile_key, identifier_key)
);
comment on table identity.cut_edges is 'Edges that the resolver left out, by the device rule or a cannot-link.';

create table identity.matches (
    profile_a text collate "C" not null,
    profile_b text collate "C" not null,
    probability double precision not null,
    weight integer not null,
    is_linked boolean not null,
    run_id text not null,
    as_of timestamptz not null,
    primary key (profile_a, profile_b)
);
comment on table identity.matches is 'Pairs that probabilistic matching scored above the review threshold.';
