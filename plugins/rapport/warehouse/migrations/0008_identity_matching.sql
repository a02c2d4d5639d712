-- What probabilistic matching remembers between nights: the fields it compares, the weights it
-- estimated, and which part of a customer rests on a match.

alter table identity.rules add column is_account boolean not null default false;

alter table identity.members rename column has_match to is_probable;
comment on column identity.members.is_probable is 'Whether only a probable match ties the profile to the record that gave the customer its id.';
create index members_probable on identity.members (profile_key) where is_probable;

create index matches_profile_b on identity.matches (profile_b);

create table identity.match_records (
    profile_key bigint primary key,
    fingerprint bigint not null,
    given text,
    surname text,
    number text,
    phone text,
    country text,
    city text,
    company text,
    emails bigint[] not null,
    accounts bigint[] not null,
    keys bigint[] not null
);
comment on table identity.match_records is 'One row per profile with a name: the fields that matching compares.';
comment on column identity.match_records.fingerprint is 'A hash of what the fields were made from; where it changes the record is scored again.';
comment on column identity.match_records.keys is 'Hashes of field values; two records are compared only if they share one.';

create table identity.match_keys (
    key bigint not null,
    profile_key bigint not null,
    primary key (key, profile_key)
);
comment on table identity.match_keys is 'The keys of identity.match_records, to find the records that a new one is compared with.';

create table identity.match_model (
    is_only boolean primary key default true check (is_only),
    definition text not null,
    parameters jsonb not null,
    records bigint not null,
    run_id text not null,
    as_of timestamptz not null
);
comment on table identity.match_model is 'The weights as estimated on the night of as_of; every later night uses them until they are estimated anew.';

create table identity.match_frequencies (
    field text not null,
    value text collate "C" not null,
    frequency double precision not null,
    primary key (field, value)
);
comment on table identity.match_frequencies is 'How common a value was when the weights were estimated: a rare surname says more than a common one.';
