-- Counts of cells whose value was not understood, such as unknown words and scores off their scale.
create table raw.oddities (
    load_id bigint not null references raw.loads,
    column_name text not null,
    reason text not null,
    records bigint not null,
    primary key (load_id, column_name, reason)
);
comment on table raw.oddities is
    'One row per load, column and reason: how many records were read with a cell that was not understood.';

create or replace view quality.arrivals as
with loads as (
    select
        *,
        row_number() over (partition by source, stream order by load_id desc) as newest,
        coalesce(rejected::numeric / nullif(read, 0), 0) as rejected_share
    from raw.loads
),

history as (
    select
        source,
        stream,
        count(*) as nights,
        percentile_cont(0.5) within group (order by landed) as usual_landed
    from loads
    where newest between 2 and 29 and landed > 0
    group by source, stream
),

odd as (
    select load_id, sum(records) as records
    from raw.oddities
    group by load_id
)

select
    loads.run_id,
    loads.source,
    loads.stream,
    loads.as_of,
    loads.read,
    loads.landed,
    loads.rejected,
    loads.deleted,
    loads.rejected_share,
    loads.finished_at is not null as is_finished,
    loads.warning is not null as has_warning,
    coalesce(history.nights, 0) as nights,
    case
        when history.nights >= 7 then loads.landed / history.usual_landed
    end as landed_ratio,
    coalesce(odd.records::numeric / nullif(loads.read, 0), 0) as odd_share
from loads
left join history using (source, stream)
left join odd using (load_id)
where loads.newest = 1;
