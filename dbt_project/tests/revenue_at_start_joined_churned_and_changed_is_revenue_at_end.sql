select *
from {{ ref('mart_revenue_churn_monthly') }}
where revenue_at_start + joined - churned + changed <> revenue_at_end
