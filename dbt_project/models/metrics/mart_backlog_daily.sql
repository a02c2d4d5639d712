with conversations as (

    select
        {{ local_date('created_at') }} as opened_date,
        case
            when not is_open
                then {{ local_date("least(greatest(coalesce(solved_at, updated_at, created_at), created_at), " ~ as_of() ~ ")") }}
        end as closed_date
    from {{ ref('fct_conversations') }}
    where {{ is_reportable('created_at') }}

),

days as (

    {{ days_since_first('conversations', 'opened_date') }}

),

opened as (

    select opened_date as metric_date, count(*) as opened
    from conversations
    group by opened_date

),

closed as (

    select closed_date as metric_date, count(*) as closed
    from conversations
    group by closed_date

),

final as (

    select
        days.opened_date as metric_date,
        coalesce(opened.opened, 0)::integer as opened,
        coalesce(closed.closed, 0)::integer as closed,
        (sum(coalesce(opened.opened, 0) - coalesce(closed.closed, 0)) over (order by days.opened_date))::integer
            as open_at_end
    from days
    left join opened on days.opened_date = opened.metric_date
    left join closed on days.opened_date = closed.metric_date

)

select * from final
