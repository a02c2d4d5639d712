{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['metric', 'unit', 'metric_date', 'restated_as_of'],
        on_schema_change='fail',
    )
}}
{%- set published = adapter.get_relation(target.database, 'marts', 'mart_metrics_by_slice_daily') if execute %}

with built as (

    select * from {{ ref('mart_metrics_by_slice_daily') }}
    where dimension = 'all'

),

published as (

    {%- if published %}

    select * from {{ published }}
    where dimension = 'all'

    {%- else %}

    select * from built where false

    {%- endif %}

),

last_publication as (

    select max(as_of) as as_of
    from {{ source('ops', 'publications') }}
    where as_of < {{ as_of() }}

),

final as (

    select
        metric,
        unit,
        metric_date,
        {{ as_of() }} as restated_as_of,
        coalesce(published.n, 0) as n_before,
        coalesce(built.n, 0) as n_after,
        published.average as average_before,
        built.average as average_after
    from built
    full join published using (metric, unit, metric_date)
    inner join last_publication on metric_date < {{ local_date('last_publication.as_of') }}
    where
        (published.n, published.total) is distinct from (built.n, built.total)
        -- A month that has just ended has its first figure.
        and not (metric like 'churn%' and published.n is null)
        and metric_date > {{ local_date(as_of()) }} - {{ var('sliced_days') }}

)

select * from final
