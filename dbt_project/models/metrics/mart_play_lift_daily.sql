with people as (

    select
        membership.segment,
        membership.customer_id,
        (array_agg(membership.arm order by membership.entered_at))[1] as arm,
        (array_agg(membership.variant order by membership.entered_at))[1] as variant,
        {{ local_date('min(membership.entered_at)') }} as entered_date,
        {{ local_date('min(membership.goal_at) filter (where membership.goal_at < ' ~ as_of() ~ ')') }} as converted_date
    from {{ source('segments', 'membership') }} as membership
    inner join {{ source('segments', 'goals') }} as goals on membership.segment = goals.segment
    where membership.entered_at < {{ as_of() }} and membership.arm <> 'control'
    group by membership.segment, membership.customer_id

),

events as (

    select segment, arm, coalesce(variant, arm) as variant, entered_date as as_of_date, 1 as people, 0 as converted
    from people
    union all
    select segment, arm, coalesce(variant, arm), converted_date, 0, 1
    from people
    where converted_date is not null

),

days as (

    select first_days.segment, day::date as as_of_date
    from (select segment, min(entered_date) as first_date from people group by segment) as first_days
    cross join lateral generate_series(
        first_days.first_date::timestamp, {{ local_date(as_of()) }}::timestamp, interval '1 day'
    ) as day

),

variants as (

    select segment, arm, variant from events group by segment, arm, variant

),

counted as (

    select
        days.segment,
        days.as_of_date,
        variants.arm,
        variants.variant,
        sum(coalesce(sum(events.people), 0)) over running as people,
        sum(coalesce(sum(events.converted), 0)) over running as converted
    from days
    inner join variants on days.segment = variants.segment
    left join events
        on days.segment = events.segment and days.as_of_date = events.as_of_date
        and variants.arm = events.arm and variants.variant = events.variant
    group by days.segment, days.as_of_date, variants.arm, variants.variant
    window running as (partition by days.segment, variants.arm, variants.variant order by days.as_of_date)

),

compared as (

    select
        treated.segment,
        treated.variant as arm,
        treated.as_of_date,
        treated.people::integer as treated,
        coalesce(held_out.people, 0)::integer as held_out,
        treated.converted::integer as converted_treated,
        coalesce(held_out.converted, 0)::integer as converted_held_out
    from counted as treated
    left join counted as held_out
        on treated.segment = held_out.segment and treated.as_of_date = held_out.as_of_date
        and held_out.arm = 'holdout'
    where treated.arm = 'treated'

),

shares as (

    select
        *,
        converted_treated::double precision / nullif(treated, 0) as p1,
        converted_held_out::double precision / nullif(held_out, 0) as p2,
        {{ wilson('converted_treated', 'treated', '-') }} as low1,
        {{ wilson('converted_treated', 'treated', '+') }} as high1,
        {{ wilson('converted_held_out', 'held_out', '-') }} as low2,
        {{ wilson('converted_held_out', 'held_out', '+') }} as high2
    from compared

),

differences as (

    select
        *,
        p1 - p2 as difference,
        sqrt(power(p1 - low1, 2) + power(high2 - p2, 2)) as below,
        sqrt(power(high1 - p1, 2) + power(p2 - low2, 2)) as above,
        {{ people_for_a_share('converted_treated', 'treated') }} as treated_needed,
        {{ people_for_a_share('converted_held_out', 'held_out') }} as held_out_needed
    from shares

),

judged as (

    select
        *,
        case
            when held_out < {{ fewest_people() }} then 'too_few_held_out'
            when treated < {{ fewest_people() }} then 'too_few_treated'
            when greatest(below, above) > {{ widest_half() }} then 'interval_too_wide'
        end as lift_reason
    from differences

),

final as (

    select
        segment,
        arm,
        as_of_date,
        treated,
        held_out,
        converted_treated,
        converted_held_out,
        case when lift_reason is null then round(difference::numeric, 6) end as lift,
        case when lift_reason is null then round((difference - below)::numeric, 6) end as lift_low,
        case when lift_reason is null then round((difference + above)::numeric, 6) end as lift_high,
        lift_reason,
        case when lift_reason is not null then greatest(treated_needed - treated, 0) end as treated_missing,
        case
            when lift_reason = 'interval_too_wide' and treated_needed <= treated
                then greatest(held_out_needed - held_out, 1)
            when lift_reason is not null then greatest(held_out_needed - held_out, 0)
        end as held_out_missing
    from judged

)

select * from final
