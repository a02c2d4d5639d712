with conversations as (

    select count(*) filter (where is_open) as still_open
    from {{ ref('fct_conversations') }}
    where {{ is_reportable('created_at') }}

),

backlog as (

    select open_at_end
    from {{ ref('mart_backlog_daily') }}
    order by metric_date desc
    limit 1

)

select *
from conversations
cross join backlog
where conversations.still_open <> backlog.open_at_end
