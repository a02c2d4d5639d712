create schema segments;
create schema activation;

create table segments.keys (
    key text primary key,
    model text not null,
    registered_as_of timestamptz not null
);
comment on table segments.keys is
    'One row per key that ever named a segment; a key is never used for another one.';

create table segments.membership (
    segment text not null,
    customer_id text collate "C" not null,
    entered_at timestamptz not null,
    left_at timestamptz,
    arm text not null check (arm in ('treated', 'holdout', 'control')),
    traits jsonb not null,
    changed_at timestamptz not null,
    primary key (segment, customer_id, entered_at)
);
create unique index membership_current on segments.membership (segment, customer_id)
    where left_at is null;
comment on table segments.membership is
    'One row per stay of a customer in a segment; left_at is null while it lasts.';

create table segments.sizes (
    segment text not null,
    as_of timestamptz not null,
    run_id text not null,
    members bigint not null,
    entered bigint not null,
    left_tonight bigint not null,
    frozen_because text,
    primary key (segment, as_of)
);
comment on table segments.sizes is 'One row per segment and night.';

create table activation.ledger (
    destination text not null,
    segment text not null,
    customer_id text collate "C" not null,
    state text not null check (state in ('sending', 'sent', 'removing')),
    content_hash uuid,
    remote_id text,
    batch_id text,
    first_sent_at timestamptz,
    last_sent_at timestamptz,
    primary key (destination, segment, customer_id)
);
comment on table activation.ledger is
    'One row per person that a list holds. sending and removing are intents whose answer is not known yet; content_hash is what the tool accepted last.';

create table activation.plan (
    destination text not null,
    segment text not null,
    customer_id text collate "C" not null,
    op text not null check (op in ('add', 'update', 'remove')),
    state text not null default 'open' check (state in ('open', 'taken')),
    reason text,
    traits jsonb,
    content_hash uuid,
    run_id text not null,
    as_of timestamptz not null,
    primary key (destination, segment, customer_id)
);
comment on table activation.plan is
    'One row per change that is still to be pushed; empty when every list holds what it should.';

create table activation.not_sent (
    destination text not null,
    segment text not null,
    customer_id text collate "C" not null,
    reason text not null,
    since timestamptz not null,
    run_id text not null,
    primary key (destination, segment, customer_id)
);
comment on table activation.not_sent is
    'One row per member of a segment who is not on the list, with the first reason that holds.';

create table activation.rejected (
    destination text not null,
    segment text not null,
    customer_id text collate "C" not null,
    op text not null,
    reason text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    tries integer not null default 1,
    primary key (destination, segment, customer_id)
);
comment on table activation.rejected is
    'One row per row that the tool refused; tried again each night until it is accepted.';

create table activation.suppressions (
    destination text not null,
    customer_id text collate "C" not null,
    kind text not null check (kind in ('unsubscribed', 'bounced', 'complained', 'deleted')),
    channel text not null,
    since timestamptz not null,
    lifted_at timestamptz,
    primary key (destination, customer_id, kind, channel)
);
comment on table activation.suppressions is
    'One row per person and what a tool said about them; lifted_at once the tool takes it back.';

create table activation.approvals (
    approval_id bigint generated always as identity primary key,
    destination text not null,
    segment text not null,
    state text not null check (state in ('pending', 'approved', 'declined', 'used')),
    cause text not null,
    adds bigint not null,
    removes bigint not null,
    members bigint not null,
    held bigint not null,
    requested_at timestamptz not null,
    run_id text not null,
    decided_at timestamptz,
    decision text
);
create unique index approvals_open on activation.approvals (destination, segment)
    where state in ('pending', 'approved');
comment on table activation.approvals is
    'One row per change of a list that was too large to be made without a person.';

create table activation.receipts (
    run_id text not null,
    destination text not null,
    segment text not null,
    customer_id text collate "C" not null,
    op text not null,
    channel text not null,
    purpose text not null,
    consent_event_id text,
    policy_version text,
    code_version text not null,
    batch_id text not null,
    sent_at timestamptz not null
);
create index receipts_by_customer on activation.receipts (customer_id, sent_at);
comment on table activation.receipts is
    'One row per person and accepted push: on what permission, by which code.';

create table activation.sync_runs (
    sync_id text not null,
    sync_run_id text not null,
    run_id text not null,
    destination text not null,
    segment text not null,
    model_name text not null,
    primary_key text not null default 'customer_id',
    status text not null,
    error text,
    as_of timestamptz not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    members bigint not null default 0,
    held bigint not null default 0,
    num_planned_add bigint not null default 0,
    num_planned_change bigint not null default 0,
    num_planned_remove bigint not null default 0,
    num_successful_add bigint not null default 0,
    num_successful_change bigint not null default 0,
    num_successful_remove bigint not null default 0,
    num_failed_add bigint not null default 0,
    num_failed_change bigint not null default 0,
    num_failed_remove bigint not null default 0,
    primary key (run_id, destination, segment)
);
create index sync_runs_by_list on activation.sync_runs (destination, segment, as_of);
comment on table activation.sync_runs is 'One row per run and list.';

create table activation.sync_changelog (
    sync_id text not null,
    sync_run_id text not null,
    op_type text not null check (op_type in ('ADDED', 'CHANGED', 'REMOVED')),
    row_id text collate "C" not null,
    status text not null check (status in ('SUCCEEDED', 'REJECTED')),
    failure_reason text,
    fields jsonb,
    split_group text,
    at timestamptz not null
);
create index sync_changelog_by_row on activation.sync_changelog (row_id);
comment on table activation.sync_changelog is
    'One row per operation that a tool answered; fields holds traits, never an address.';

create view activation.sync_snapshot as
select
    ledger.destination || '/' || ledger.segment as sync_id,
    ledger.batch_id as sync_run_id,
    ledger.customer_id as row_id,
    case when rejected.customer_id is null then 'SUCCEEDED' else 'REJECTED' end as status,
    rejected.reason as failure_reason,
    ledger.last_sent_at as at
from activation.ledger
left join activation.rejected using (destination, segment, customer_id)
where ledger.state <> 'removing'
union all
select
    rejected.destination || '/' || rejected.segment,
    null,
    rejected.customer_id,
    'REJECTED',
    rejected.reason,
    rejected.last_at
from activation.rejected
where not exists (
    select from activation.ledger
    where ledger.destination = rejected.destination
        and ledger.segment = rejected.segment
        and ledger.customer_id = rejected.customer_id
);
comment on view activation.sync_snapshot is
    'One row per person and list: the state of the last answer of the tool.';

create function segments.draw(salt text, topic text, customer_id text) returns double precision
language sql immutable parallel safe
return (('x' || left(md5(salt || ':' || topic || ':' || customer_id), 8))::bit(32)::bigint)
    / 4294967296.0::double precision;
comment on function segments.draw is
    'A number from 0 to 1 for a person, always the same for the same salt and topic.';
