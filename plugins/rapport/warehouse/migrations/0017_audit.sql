-- The audit tables get the names and words that dashboards made for such tables ask for.

alter table activation.sync_runs rename column num_successful_add to num_succeeded_add;
alter table activation.sync_runs rename column num_successful_change to num_succeeded_change;
alter table activation.sync_runs rename column num_successful_remove to num_succeeded_remove;
alter table activation.sync_runs
    add column num_attempted_add bigint not null
        generated always as (num_succeeded_add + num_failed_add) stored,
    add column num_attempted_change bigint not null
        generated always as (num_succeeded_change + num_failed_change) stored,
    add column num_attempted_remove bigint not null
        generated always as (num_succeeded_remove + num_failed_remove) stored;
create index sync_runs_by_sync_run on activation.sync_runs (sync_run_id);

alter table activation.sync_changelog drop constraint sync_changelog_op_type_check;
alter table activation.sync_changelog drop constraint sync_changelog_status_check;
update activation.sync_changelog set
    op_type = lower(op_type),
    status = case status when 'REJECTED' then 'failed' else lower(status) end;
alter table activation.sync_changelog
    add check (op_type in ('added', 'changed', 'removed')),
    add check (status in ('succeeded', 'failed'));

drop view activation.sync_snapshot;
create view activation.sync_snapshot as
with people as (
    select
        destination || '/' || segment as sync_id,
        customer_id as row_id,
        rejected.customer_id is null as is_accepted,
        rejected.reason as failure_reason,
        greatest(ledger.last_sent_at, rejected.last_at) as at
    from activation.ledger
    full join activation.rejected using (destination, segment, customer_id)
    where ledger.content_hash is not null or rejected.customer_id is not null
)

select
    people.sync_id,
    last_answer.sync_run_id,
    people.row_id,
    last_answer.op_type,
    case when people.is_accepted then 'succeeded' else 'failed' end as status,
    people.failure_reason,
    last_answer.fields,
    last_answer.split_group,
    people.at
from people
left join lateral (
    select * from activation.sync_changelog as answer
    where answer.sync_id = people.sync_id and answer.row_id = people.row_id
    order by answer.at desc
    limit 1
) as last_answer on true;
comment on view activation.sync_snapshot is
    'One row per person and list: the last answer of the tool. The run and its fields are null once the changelog was pruned.';
