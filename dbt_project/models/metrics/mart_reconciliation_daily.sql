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

counted_twice as (

    select
        conversations.source,
        {{ local_date('conversations.created_at') }} as figure_date,
        figure.metric,
        figure.is_time,
        figure.ours,
        figure.theirs,
        abs(figure.ours - figure.theirs) >= 1 as differs
    from {{ ref('fct_conversations') }} as conversations
    cross join lateral (
        values
        {%- for name, is_time in {
            'first_reply_minutes': 'true', 'full_resolution_minutes': 'true', 'reopens': 'false', 'replies': 'false'
        }.items() %}
        (
            '{{ name }}_from_events',
            {{ is_time }},
            conversations.event_{{ name }}::numeric,
            conversations.vendor_{{ name }}::numeric
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as figure (metric, is_time, ours, theirs)
    where {{ is_reportable('conversations.created_at') }} and figure.ours is not null and figure.theirs is not null

),

from_events as (

    select
        metric,
        source,
        figure_date,
        case when is_time then {{ percentile(0.5, 'ours') }} else sum(ours) end as ours,
        case when is_time then {{ percentile(0.5, 'theirs') }} else sum(theirs) end as theirs,
        count(*) filter (where differs) as differing,
        count(*) as conversations
    from counted_twice
    group by metric, source, figure_date, is_time

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
    union all
    select
        metric,
        source,
        figure_date as date,
        ours,
        theirs,
        ours - theirs as difference,
        case
            when ours <> theirs
                then
                    differing || ' of ' || conversations || ' conversations differ by a minute or one, counted from'
                    || ' the events that landed and by the vendor, who cuts minutes off.'
        end as explanation
    from from_events

)

select * from final
