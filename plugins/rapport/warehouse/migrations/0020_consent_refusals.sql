-- A no outlives the record that carried it, so it is kept apart from what the sources say today.

create table identity.refusals (
    source text not null,
    profile_id text collate "C" not null,
    customer_id text collate "C" not null,
    channel text not null,
    purpose text not null,
    event_id text,
    occurred_at timestamptz,
    policy_version text,
    first_as_of timestamptz not null,
    gone_after timestamptz,
    identifier_keys bigint[] not null default '{}',
    primary key (profile_id, source, channel, purpose, customer_id)
);
create index refusals_by_customer on identity.refusals (customer_id);
comment on table identity.refusals is
    'One row per no that is the last word of a profile, by channel and purpose, and customer that it counts for; it stays when the profile is gone.';
comment on column identity.refusals.first_as_of is
    'The run that saw the no first; it stands in for a no that has no time.';
comment on column identity.refusals.gone_after is
    'The last run that saw the profile, null while it is there; parts that a customer falls into after it inherit the no.';
comment on column identity.refusals.identifier_keys is
    'The e-mail addresses, phone numbers and user ids that the profile ever offered, keys of identity.identifiers.';

alter table identity.state add column consents_as_of timestamptz;
comment on column identity.state.consents_as_of is
    'The last run that brought identity.refusals up to date.';
