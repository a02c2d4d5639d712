with events as (

    select count(*) as events
    from {{ ref('int_web_events_unioned') }}
    where not is_bot and profile_id is not null and occurred_at is not null

),

sessions as (

    select coalesce(sum(events), 0) as events from {{ ref('int_web_events_sessionised') }}

)

select *
from events
cross join sessions
where events.events <> sessions.events
