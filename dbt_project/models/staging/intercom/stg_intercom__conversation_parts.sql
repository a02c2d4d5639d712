with conversations as (

    select * from {{ source('intercom', 'conversations') }}
    where is_latest and not is_deleted

),

extracted as (

    select conversations.record_key as conversation_id, vendor.*
    from conversations
    cross join lateral jsonb_to_record({{ json_object('conversations.payload') }}) as vendor (
        created_at text, source jsonb, contacts jsonb, conversation_parts jsonb
    )

),

said as (

    select
        conversation_id,
        contacts,
        conversation_id || ':source' as part_id,
        'comment' as kind,
        source -> 'author' as author,
        source ->> 'body' as body,
        created_at
    from extracted
    union all
    select
        extracted.conversation_id,
        extracted.contacts,
        vendor.id as part_id,
        vendor.part_type as kind,
        vendor.author,
        vendor.body,
        vendor.created_at
    from extracted
    cross join lateral jsonb_array_elements({{ json_array("extracted.conversation_parts -> 'conversation_parts'") }}) as listed (part)
    cross join lateral jsonb_to_record({{ json_object('listed.part') }}) as vendor (
        id text, part_type text, author jsonb, body text, created_at text
    )

),

final as (

    select
        'intercom' as source,
        case
            when author ->> 'type' in ('user', 'lead', 'contact') then 'intercom:contacts:' || (author ->> 'id')
        end as profile_id,
        conversation_id,
        part_id,
        case
            when author ->> 'type' in ('user', 'lead', 'contact') then 'customer'
            when author ->> 'type' = 'admin' then 'agent'
            else 'machine'
        end as author,
        kind <> 'note' as is_public,
        {{ clean_text("regexp_replace(body, '<[^>]+>', ' ', 'g')") }} as body,
        {{ try_formatted_timestamp('created_at', 'epoch_s') }} as created_at
    from said
    where kind in ('comment', 'note', 'open', 'close', 'assignment') and body is not null

)

select * from final
