create schema if not exists ops;

create table ops.nights (
    run_id text primary key,
    as_of timestamptz not null,
    status text not null default 'running'
        check (status in ('running', 'succeeded', 'partial', 'failed', 'abandoned')),
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
create unique index one_night_at_a_time on ops.nights (status) where status = 'running';
comment on table ops.nights is 'One row per night; a killed night stays open and is taken up again.';

create table ops.stages (
    stage_id bigint generated always as identity primary key,
    run_id text not null references ops.nights,
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    seconds double precision,
    status text not null default 'running' check (status in ('running', 'succeeded', 'failed')),
    error text,
    result jsonb
);
create index stages_by_run on ops.stages (run_id, stage_id);
comment on table ops.stages is 'One row per attempt at a stage of a night: seconds, counts, error.';

create table ops.publications (
    run_id text primary key references ops.nights,
    as_of timestamptz not null,
    published_at timestamptz not null default clock_timestamp()
);
comment on table ops.publications is 'One row per published night; a night is published once.';

create table ops.published_tables (
    run_id text not null references ops.publications,
    table_name text not null,
    rows bigint not null,
    changed bigint not null,
    deleted bigint not null,
    primary key (run_id, table_name)
);
comment on table ops.published_tables is 'One row per night and table: how many rows there are and how many moved.';

create schema quality;

create table quality.results (
    result_id bigint generated always as identity primary key,
    run_id text not null,
    gate text not null,
    source text not null default '',
    guard text not null,
    expectation text not null,
    column_name text,
    severity text not null,
    success boolean not null,
    checked_at timestamptz not null default clock_timestamp()
);
create index results_by_run on quality.results (run_id, gate);
comment on table quality.results is
    'One row per expectation judged in a night. Holds no values of the data.';

create view quality.arrivals as
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
    end as landed_ratio
from loads
left join history using (source, stream)
where loads.newest = 1;
comment on view quality.arrivals is
    'One row per stream: its newest load beside what is usual for it.';
