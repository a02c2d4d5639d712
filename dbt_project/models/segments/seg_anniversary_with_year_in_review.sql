with conditions as (
    select
        customer_id, years, year_ended_at, orders, favourite_product, favourite_category, active_days,
        year_ended_at <= {{ as_of() }} and year_ended_at > {{ as_of() }} - interval '7 days' as has_anniversary,
        active_days > 0 as has_something_to_tell
    from {{ ref('mart_years_in_review') }}
)

select customer_id, years, orders, favourite_product, favourite_category, active_days
from conditions
where has_anniversary and has_something_to_tell
