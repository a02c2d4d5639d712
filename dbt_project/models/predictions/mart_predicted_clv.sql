with histories as (

    select * from {{ source('predictions', 'histories') }}

),

scores as (

    select * from {{ source('predictions', 'purchase_scores') }}

),

standings as (

    select standings.*, parameters.parameters
    from {{ source('predictions', 'standings') }} as standings
    left join {{ source('predictions', 'parameters') }} as parameters
        on
            standings.model = parameters.model
            and standings.scope = parameters.scope
            and standings.fitted_at = parameters.fitted_at
    where standings.model = 'clv'

),

spending as (

    select
        scope as currency,
        abstained_reason,
        model_version,
        fitted_at,
        is_stale,
        (parameters #>> '{gamma_gamma,p}')::double precision as p,
        (parameters #>> '{gamma_gamma,q}')::double precision as q,
        (parameters #>> '{gamma_gamma,v}')::double precision as v
    from standings

),

judged as (

    select
        histories.*,
        scores.p_alive,
        scores.expected_orders_90d,
        scores.expected_orders_365d,
        spending.p * (spending.v + histories.repeats * coalesce(histories.mean_value, 0))
        / (spending.p * histories.repeats + spending.q - 1) as expected_order_value,
        case
            when spending.abstained_reason is not null then spending.abstained_reason
            when histories.revenue < 0 or histories.mean_value < 0 then 'refunds_exceed_orders'
        end as abstained_reason,
        spending.model_version,
        spending.fitted_at,
        spending.is_stale
    from histories
    inner join spending on histories.currency = spending.currency
    left join scores
        on
            histories.currency = scores.currency
            and histories.repeats = scores.repeats
            and histories.last_day = scores.last_day
            and histories.age = scores.age

),

final as (

    select
        customer_id,
        currency,
        orders,
        case when abstained_reason is null then round(p_alive::numeric, 4) end as p_alive,
        case when abstained_reason is null then round(expected_orders_90d::numeric, 4) end as expected_orders_90d,
        case when abstained_reason is null then round(expected_orders_365d::numeric, 4) end as expected_orders_365d,
        case when abstained_reason is null then round(expected_order_value::numeric, 2) end as expected_order_value,
        case
            when abstained_reason is null then round((expected_orders_365d * expected_order_value)::numeric, 2)
        end as predicted_clv_365d,
        abstained_reason is not null as is_abstained,
        abstained_reason,
        model_version,
        fitted_at,
        is_stale
    from judged

)

select * from final
