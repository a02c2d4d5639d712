with ticket_metrics as (

    select * from {{ source('zendesk', 'ticket_metrics') }}
    where is_latest and not is_deleted

),

final as (

    select distinct on (vendor.ticket_id)
        vendor.ticket_id,
        {{ try_timestamp('vendor.created_at') }} as created_at,
        {{ try_timestamp('vendor.solved_at') }} as solved_at,
        {{ minutes("vendor.reply_time_in_minutes ->> 'calendar'") }} as first_reply_minutes,
        {{ minutes("vendor.reply_time_in_minutes ->> 'business'") }} as first_reply_business_minutes,
        {{ minutes("vendor.full_resolution_time_in_minutes ->> 'calendar'") }} as full_resolution_minutes,
        {{ minutes("vendor.full_resolution_time_in_minutes ->> 'business'") }} as full_resolution_business_minutes,
        {{ try_integer('vendor.reopens') }} as reopens,
        {{ try_integer('vendor.replies') }} as replies
    from ticket_metrics
    cross join lateral jsonb_to_record({{ json_object('ticket_metrics.payload') }}) as vendor (
        ticket_id text, created_at text, solved_at text, reply_time_in_minutes jsonb,
        full_resolution_time_in_minutes jsonb, reopens text, replies text
    )
    order by vendor.ticket_id, ticket_metrics.load_id desc, ticket_metrics.record_key desc

)

select * from final
