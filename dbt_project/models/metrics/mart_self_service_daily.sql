with sessions as (

    select *, {{ local_date('started_at') }} as session_date
    from {{ ref('fct_web_sessions') }}
    where {{ is_reportable('started_at') }}

),

conversations as (

    select customer_id, created_at
    from {{ ref('fct_conversations') }}
    where customer_id is not null

),

help_seekers as (

    select session_date, customer_id, min(started_at) as started_at
    from sessions
    where
        customer_id is not null
        and exists (
            select 1 from unnest(paths) as path
            where path like any(array[{% for path in var('help_paths') %}{{ text_literal(path ~ '%') }}{{ ', ' if not loop.last }}{% endfor %}]::text[])
        )
    group by session_date, customer_id

),

moments as (

    select customer_id, session_date, started_at as happened_at, null::timestamptz as asked_at
    from help_seekers
    union all
    select customer_id, null, created_at, created_at
    from conversations

),

followed as (

    select
        session_date,
        happened_at as started_at,
        min(asked_at) over (partition by customer_id order by happened_at desc) as next_asked_at
    from moments

),

judged as (

    select
        session_date,
        coalesce(
            next_asked_at < started_at + interval '{{ var("self_service_hours") }} hours', false
        ) as has_asked
    from followed
    where session_date is not null

),

final as (

    select
        session_date as metric_date,
        count(*)::integer as help_seekers,
        (count(*) filter (where not has_asked))::integer as helped_themselves,
        {{ share('count(*) filter (where not has_asked)', 'count(*)') }} as self_service_share
    from judged
    group by session_date

)

select * from final
