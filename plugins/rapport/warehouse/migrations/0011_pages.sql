-- The pages answer one customer at a time, so what they ask by customer or by run has an index; and
-- each look at contact details is kept.

create table ops.contact_looks (
    look_id bigint generated always as identity primary key,
    looked_at timestamptz not null default clock_timestamp(),
    viewer text not null,
    what text not null check (what in ('card', 'search', 'list', 'download')),
    customer_id text collate "C",
    subject text,
    people integer not null default 1
);
create index contact_looks_by_customer on ops.contact_looks (customer_id, looked_at);
create index contact_looks_by_viewer on ops.contact_looks (viewer, looked_at);
comment on table ops.contact_looks is
    'One row per person whose contact details somebody was shown, or per file that somebody took.';
comment on column ops.contact_looks.viewer is 'The login in Airflow.';
comment on column ops.contact_looks.subject is 'The segment or the file, where it was one.';

create index loads_by_run on raw.loads (run_id);
create index nights_by_start on ops.nights (started_at);
create index membership_by_customer on segments.membership (customer_id, segment);
create index ledger_by_customer on activation.ledger (customer_id, segment);
create index not_sent_by_customer on activation.not_sent (customer_id, segment);
create index rejected_by_customer on activation.rejected (customer_id, segment);
create index suppressions_by_customer on activation.suppressions (customer_id);
