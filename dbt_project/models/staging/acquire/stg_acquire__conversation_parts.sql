with cases as (

    select
        record_key,
        payload,
        coalesce(payload #>> '{contact,id}', payload ->> 'contactId') as contact_id
    from {{ source('acquire', 'cases') }}
    where is_latest and not is_deleted

),

final as (

    select
        'acquire' as source,
        case when vendor.sender = 'contact' then 'acquire:contacts:' || cases.contact_id end as profile_id,
        cases.record_key as conversation_id,
        vendor.id as part_id,
        case vendor.sender when 'contact' then 'customer' when 'agent' then 'agent' else 'machine' end as author,
        true as is_public,
        {{ clean_text("regexp_replace(vendor.message, '<[^>]+>', ' ', 'g')") }} as body,
        {{ try_timestamp('vendor.sent_at') }} as created_at
    from cases
    cross join lateral jsonb_array_elements({{ json_array("cases.payload -> 'messages'") }}) as listed (message)
    cross join lateral (
        select
            listed.message ->> 'id' as id,
            listed.message ->> 'message' as message,
            listed.message ->> 'senderType' as sender,
            listed.message ->> 'dateCreated' as sent_at
    ) as vendor
    where vendor.id is not null and {{ clean_text('vendor.message') }} is not null

)

select * from final
