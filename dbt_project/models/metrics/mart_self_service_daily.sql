with sessions as (

    select *, {{ local_date('started_at') }} as session_date
    from {{ ref('fct_web_sessions') }}
    where {{ is_reportable('started_at') }}

),

conversations as (

    select * from {{ ref('fct_conversations') }}

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

judged as (

    select
        help_seekers.session_date,
        exists (
            select 1 from conversations
            where
                conversations.customer_id = help_seekers.customer_id
                and conversations.created_at >= help_seekers.started_at
                and conversations.created_at
                < help_seekers.started_at + interval '{{ var("self_service_hours") }} hours'
        ) as has_asked
    from help_seekers

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
