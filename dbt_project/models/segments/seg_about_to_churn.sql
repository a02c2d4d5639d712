with conditions as (
    select
        customer_id,
        kind,
        churn_probability,
        not is_abstained and not is_stale as is_predicted,
        risk_band = 'high' as is_at_high_risk
    from {{ ref('mart_predicted_churn') }}
)

select customer_id, kind, churn_probability
from conditions
where is_predicted and is_at_high_risk
