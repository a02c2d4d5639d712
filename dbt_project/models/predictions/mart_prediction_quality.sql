with latest as (

    select distinct on (model, scope) model, scope, fitted_at, version, events, is_published
    from {{ source('predictions', 'parameters') }}
    where fitted_at <= {{ as_of() }}
    order by model, scope, fitted_at desc

),

figures as (

    select * from {{ source('predictions', 'figures') }}

),

final as (

    select
        latest.model,
        latest.scope,
        figures.metric,
        latest.fitted_at,
        round(figures.value::numeric, 6) as value,
        round(figures.baseline::numeric, 6) as baseline,
        figures.is_decisive,
        latest.is_published,
        latest.events
    from latest
    inner join figures
        on
            latest.model = figures.model
            and latest.scope = figures.scope
            and latest.fitted_at = figures.fitted_at

)

select * from final
