with conditions as (
    select
        customer_id,
        count(*) filter (where is_open) as open_tickets,
        min(created_at) filter (where is_open) as oldest_ticket_at,
        bool_or(is_open) as has_open_ticket
    from {{ ref('fct_conversations') }}
    where created_at <= {{ as_of() }} and customer_id is not null
    group by customer_id
)

select customer_id, open_tickets, oldest_ticket_at
from conditions
where has_open_ticket
