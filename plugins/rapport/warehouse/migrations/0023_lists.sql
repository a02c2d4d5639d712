-- What outlives the file, the trait and the record that it came from.

create table segments.definitions (
    key text primary key,
    definition jsonb not null,
    since timestamptz not null
);
comment on table segments.definitions is
    'One row per segment that ever was: the last version of its YAML that could be read.';
comment on column segments.definitions.since is 'The first run that planned by this version.';

create table activation.list_traits (
    destination text not null,
    segment text not null,
    name text not null,
    last_declared_as_of timestamptz not null,
    primary key (destination, segment, name)
);
comment on table activation.list_traits is
    'One row per trait that a list ever sent; one that is declared no more is cleared at the destination.';

create table activation.consents_seen (
    customer_id text collate "C" not null,
    channel text not null,
    purpose text not null,
    is_granted boolean not null,
    lost_since timestamptz,
    primary key (customer_id, channel, purpose)
);
create index consents_seen_odd on activation.consents_seen (customer_id)
    where lost_since is not null or not is_granted;
comment on table activation.consents_seen is
    'One row per customer, channel and purpose: what marts.dim_consents said at the last plan that found it there.';
comment on column activation.consents_seen.lost_since is
    'The run in which this yes went missing together with many others; nobody is taken off for that without approval.';

do $$
begin
    if to_regclass('marts.dim_consents') is not null then
        insert into activation.consents_seen (customer_id, channel, purpose, is_granted)
        select customer_id, channel, purpose, is_granted from marts.dim_consents;
    end if;
end
$$;

alter table activation.sync_runs add column plan_state text;
comment on column activation.sync_runs.plan_state is
    'What the plan let through: open, waiting, frozen, refused, or orphaned where the destination cannot be called.';
