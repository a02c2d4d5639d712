with scores as (

    select * from {{ source('predictions', 'churn_scores') }}

),

standings as (

    select
        standings.*,
        (parameters.parameters ->> 'base_rate')::double precision as base_rate,
        (parameters.parameters ->> 'horizon_days')::integer as horizon_days
    from {{ source('predictions', 'standings') }} as standings
    left join {{ source('predictions', 'parameters') }} as parameters
        on
            standings.model = parameters.model
            and standings.scope = parameters.scope
            and standings.fitted_at = parameters.fitted_at
    where standings.model = 'churn'

),

odds as (

    select
        scores.customer_id,
        scores.kind,
        scores.churn_probability,
        standings.horizon_days,
        scores.churn_probability / nullif(1 - scores.churn_probability, 0)
        / (standings.base_rate / (1 - standings.base_rate)) as odds_ratio,
        standings.abstained_reason,
        standings.model_version,
        standings.fitted_at,
        standings.is_stale
    from scores
    inner join standings on scores.kind = standings.scope

),

final as (

    select
        customer_id,
        kind,
        horizon_days,
        round(churn_probability::numeric, 4) as churn_probability,
        case
            when churn_probability is null then null
            when odds_ratio >= 2 then 'high'
            when odds_ratio >= 1 then 'medium'
            when odds_ratio is null then 'high'
            else 'low'
        end as risk_band,
        churn_probability is null as is_abstained,
        abstained_reason,
        model_version,
        fitted_at,
        is_stale
    from odds

)

select * from final
