with conversations as (

    select {{ local_date('created_at') }} as created_date, *
    from {{ ref('fct_conversations') }}
    where {{ is_reportable('created_at') }}

),

days as (

    {{ days_since_first('conversations', 'created_date') }}

),

final as (

    select
        days.created_date,
        count(conversations.conversation_id)::integer as conversations,
        count(conversations.first_reply_minutes)::integer as replied,
        {{ percentile(0.5, 'conversations.first_reply_minutes') }} as first_reply_minutes_median,
        {{ percentile(0.9, 'conversations.first_reply_minutes') }} as first_reply_minutes_p90,
        count(conversations.full_resolution_minutes)::integer as resolved,
        {{ percentile(0.5, 'conversations.full_resolution_minutes') }} as full_resolution_minutes_median,
        {{ percentile(0.9, 'conversations.full_resolution_minutes') }} as full_resolution_minutes_p90,
        (count(*) filter (where conversations.reopens > 0))::integer as reopened,
        {{ share('count(*) filter (where conversations.reopens > 0)', 'count(conversations.full_resolution_minutes)') }}
            as reopen_rate,
        (count(*) filter (where conversations.is_one_touch))::integer as one_touch,
        {{ share('count(*) filter (where conversations.is_one_touch)', 'count(conversations.is_one_touch)') }}
            as one_touch_share,
        {{ percentile(0.5, 'conversations.first_reply_business_minutes') }} as first_reply_business_minutes_median,
        {{ percentile(0.5, 'conversations.full_resolution_business_minutes') }}
            as full_resolution_business_minutes_median,
        count(conversations.is_first_reply_late)::integer as first_replies_judged,
        (count(*) filter (where conversations.is_first_reply_late))::integer as first_replies_late,
        {{ share('count(*) filter (where conversations.is_first_reply_late)', 'count(conversations.is_first_reply_late)') }}
            as first_reply_breach_rate,
        count(conversations.is_full_resolution_late)::integer as full_resolutions_judged,
        (count(*) filter (where conversations.is_full_resolution_late))::integer as full_resolutions_late,
        {{ share('count(*) filter (where conversations.is_full_resolution_late)', 'count(conversations.is_full_resolution_late)') }}
            as full_resolution_breach_rate,
        count(conversations.is_one_touch)::integer as one_touch_judged,
        (count(*) filter (where conversations.is_one_touch_by_vendor))::integer as one_touch_by_vendor,
        {{ share('count(*) filter (where conversations.is_one_touch_by_vendor)', 'count(conversations.is_one_touch_by_vendor)') }}
            as one_touch_share_by_vendor,
        (count(*) filter (where conversations.is_silent_solve))::integer as silent_solves,
        (count(*) filter (where conversations.is_outbound))::integer as outbound
    from days
    left join conversations on days.created_date = conversations.created_date
    group by days.created_date

)

select * from final
