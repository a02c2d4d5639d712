with theirs as (

    select * from {{ ref('int_vendor_figures_unioned') }}

),

conversations as (

    select
        source,
        {{ local_date('created_at') }} as figure_date,
        count(*)::numeric as conversations,
        sum(reopens)::numeric as reopens,
        {{ percentile(0.5, 'first_reply_minutes') }} as first_reply_minutes,
        {{ percentile(0.5, 'first_reply_business_minutes') }} as first_reply_business_minutes,
        {{ percentile(0.5, 'full_resolution_minutes') }} as full_resolution_minutes,
        {{ percentile(0.5, 'full_resolution_business_minutes') }} as full_resolution_business_minutes
    from {{ ref('fct_conversations') }}
    where {{ is_reportable('created_at') }}
    group by source, {{ local_date('created_at') }}

),

ours as (

    select
        conversations.source,
        figure.metric,
        conversations.figure_date,
        figure.value
    from conversations
    cross join lateral (
        values
        {%- for metric in [
            'conversations', 'reopens', 'first_reply_minutes', 'first_reply_business_minutes',
            'full_resolution_minutes', 'full_resolution_business_minutes'
        ] %}
        ('{{ metric }}', conversations.{{ metric }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as figure (metric, value)
    union all
    select
        source,
        'csat_good_bad' as metric,
        {{ local_date('responded_at') }} as figure_date,
        {{ share("100 * count(*) filter (where score_group = 'satisfied')", 'count(*)', 2) }} as value
    from {{ ref('fct_survey_responses') }}
    where metric = 'csat' and scale = 'good_bad' and {{ is_reportable('responded_at') }}
    group by source, {{ local_date('responded_at') }}

),

final as (

    select
        theirs.metric,
        theirs.source,
        theirs.figure_date as date,
        ours.value as ours,
        theirs.value as theirs,
        ours.value - theirs.value as difference,
        case when ours.value is distinct from theirs.value then theirs.explanation end as explanation
    from theirs
    left join ours
        on theirs.source = ours.source
        and theirs.metric = ours.metric
        and theirs.figure_date = ours.figure_date

)

select * from final
