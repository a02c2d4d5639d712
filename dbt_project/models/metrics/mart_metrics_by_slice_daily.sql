with observations as (

    select * from {{ ref('int_metric_observations') }}

),

slices as (

    select * from {{ ref('int_customer_slices') }}

),

sliced as (

    select *, 'all' as dimension, 'all' as slice
    from observations
    union all
    select *, 'channel' as dimension, channel as slice
    from observations
    where channel is not null
    union all
    select observations.*, slices.dimension, slices.slice
    from observations
    inner join slices on observations.customer_id = slices.customer_id

),

final as (

    select
        metric_date,
        metric,
        unit,
        dimension,
        slice,
        count(*)::integer as n,
        sum(value) as total,
        round(avg(value), 4) as average,
        {{ percentile(0.5, 'value') }} as median
    from sliced
    group by metric_date, metric, unit, dimension, slice

)

select * from final
