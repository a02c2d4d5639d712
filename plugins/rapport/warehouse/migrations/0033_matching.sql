-- Matching compares birth dates, addresses and e-mail addresses too, says what speaks for a pair, and
-- is reviewed in the pages. Its records, keys and weights are made again by the next run.

drop table identity.match_records, identity.match_keys, identity.match_model, identity.match_frequencies;

create table identity.match_records (
    profile_key bigint primary key,
    fingerprint bigint not null,
    given text,
    surname text,
    given_root text,
    sound text,
    birth text,
    email text,
    mail text,
    number text,
    postal text,
    street text,
    house text,
    city text,
    region text,
    country text,
    company text,
    phone text,
    emails bigint[] not null,
    accounts bigint[] not null,
    keys bigint[] not null
);
comment on table identity.match_records is 'One row per profile with a name, a birth date or a street: the fields that matching compares.';
comment on column identity.match_records.fingerprint is 'A hash of what the fields were made from; where it changes the record is scored again.';
comment on column identity.match_records.mail is 'The local part of the e-mail address, where it does not come from its owner''s name.';
comment on column identity.match_records.keys is 'Hashes of field values; two records are compared only if they share one.';

create table identity.match_keys (
    key bigint not null,
    profile_key bigint not null,
    primary key (key, profile_key)
);
comment on table identity.match_keys is 'The keys of identity.match_records, to find the records that a new one is compared with.';

create table identity.match_common_keys (key bigint primary key);
comment on table identity.match_common_keys is 'The keys that too many records share to be compared by.';

create table identity.match_model (
    is_only boolean primary key default true check (is_only),
    definition text not null,
    parameters jsonb not null,
    records bigint not null,
    link_at double precision not null,
    run_id text not null,
    as_of timestamptz not null
);
comment on table identity.match_model is 'The weights as estimated in the run of as_of; every later run uses them until they are estimated again.';
comment on column identity.match_model.link_at is 'The probability from which on two records are joined, by the expected precision.';

create table identity.match_frequencies (
    field text not null,
    value text collate "C" not null,
    frequency double precision not null,
    primary key (field, value)
);
comment on table identity.match_frequencies is 'How common a value was when the weights were estimated: a rare surname says more than a common one.';

create table identity.match_changes (profile_key bigint primary key);
comment on table identity.match_changes is 'The profiles whose record changed since the last resolution.';

-- Earlier matches have no evidence; the next run scores all pairs again.
truncate identity.matches;
alter table identity.matches add column evidence real[] not null;
comment on column identity.matches.evidence is 'What each field speaks for the pair, in bits: below 0 against it, NULL where a record has no value.';

alter table identity.overrides drop constraint overrides_kind_check;
alter table identity.overrides add constraint overrides_kind_check
check (kind in ('must_link', 'cannot_link', 'match', 'support'));

create table identity.reviewed_pairs (
    profile_a text collate "C" not null,
    profile_b text collate "C" not null,
    answer text not null check (answer in ('same', 'different', 'later')),
    reviewed_by text not null,
    reviewed_at timestamptz not null default now(),
    primary key (profile_a, profile_b),
    check (profile_a < profile_b)
);
comment on table identity.reviewed_pairs is 'What people answered on the review page: one person, two people, or decide later.';

-- Who reviews a pair sees the contact details of both records.
alter table ops.contact_looks drop constraint contact_looks_what_check;
alter table ops.contact_looks add constraint contact_looks_what_check
check (what in ('card', 'search', 'list', 'download', 'review'));
