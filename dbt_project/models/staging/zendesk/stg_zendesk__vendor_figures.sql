with tickets as (

    select
        metrics.*,
        tickets.payload #>> '{satisfaction_rating,score}' as score,
        {{ local_date('metrics.created_at') }} as created_date,
        {{ local_date('metrics.solved_at') }} as solved_date
    from {{ ref('base_zendesk__ticket_metrics') }} as metrics
    left join {{ source('zendesk', 'tickets') }} as tickets
        on metrics.ticket_id = tickets.record_key and tickets.is_latest and not tickets.is_deleted

),

opened as (

    select
        created_date,
        count(*)::numeric as conversations,
        sum(reopens)::numeric as reopens,
        {{ percentile(0.5, 'first_reply_minutes') }} as first_reply_minutes,
        {{ percentile(0.5, 'first_reply_business_minutes') }} as first_reply_business_minutes,
        {{ percentile(0.5, 'full_resolution_minutes') }} as full_resolution_minutes,
        {{ percentile(0.5, 'full_resolution_business_minutes') }} as full_resolution_business_minutes
    from tickets
    where {{ is_reportable('created_at') }}
    group by created_date

),

rated as (

    select
        solved_date,
        {{ share("100 * count(*) filter (where score like 'good%')", 'count(*)', 2) }} as csat
    from tickets
    where {{ is_reportable('solved_at') }} and score ~ '^(good|bad)'
    group by solved_date

),

figures as (

    select
        figure.metric,
        opened.created_date as figure_date,
        figure.value,
        figure.explanation
    from opened
    cross join lateral (
        values
        ('conversations', opened.conversations, 'Zendesk counts tickets that agents opened and those deleted since; ours are of customers.'),
        ('reopens', opened.reopens, 'As conversations.'),
        ('first_reply_minutes', opened.first_reply_minutes, 'As conversations; the minutes themselves are Zendesk''s.'),
        (
            'first_reply_business_minutes',
            opened.first_reply_business_minutes,
            'Zendesk cuts minutes off. Without its schedules, ours are by the seeds support_hours and support_holidays.'
        ),
        ('full_resolution_minutes', opened.full_resolution_minutes, 'As first_reply_minutes.'),
        (
            'full_resolution_business_minutes',
            opened.full_resolution_business_minutes,
            'As first_reply_business_minutes.'
        )
    ) as figure (metric, value, explanation)
    union all
    select
        'csat_good_bad',
        solved_date,
        csat,
        'Zendesk dates a rating by the solution of its ticket, we by the answer.'
    from rated

),

final as (

    select
        'zendesk' as source,
        metric,
        figure_date,
        value,
        explanation
    from figures
    where value is not null

)

select * from final
