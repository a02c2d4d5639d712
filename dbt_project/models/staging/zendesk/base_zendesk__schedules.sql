with schedules as (

    select * from {{ source('zendesk', 'schedules') }}
    where is_latest and not is_deleted

),

final as (

    select
        'zendesk:' || schedules.record_key as schedule,
        row_number() over (
            order by {{ try_timestamp('vendor.created_at') }} nulls last, schedules.record_key
        ) = 1 as is_default,
        coalesce({{ iana_time_zone('vendor.time_zone') }}, {{ company_time_zone() }}) as time_zone,
        {{ json_array('vendor.intervals') }} as intervals,
        {{ json_array('vendor.holidays') }} as holidays
    from schedules
    cross join lateral jsonb_to_record({{ json_object('schedules.payload') }}) as vendor (
        created_at text, time_zone text, intervals jsonb, holidays jsonb
    )

)

select * from final
