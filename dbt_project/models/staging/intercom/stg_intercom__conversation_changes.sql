with conversations as (

    select * from {{ source('intercom', 'conversations') }}
    where is_latest and not is_deleted

),

extracted as (

    select conversations.record_key as conversation_id, vendor.*
    from conversations
    cross join lateral jsonb_to_record({{ json_object('conversations.payload') }}) as vendor (
        created_at text, conversation_parts jsonb
    )

),

changed as (

    select
        conversation_id,
        conversation_id || ':opened' as change_id,
        'open' as kind,
        created_at,
        0 as place
    from extracted
    union all
    select
        extracted.conversation_id,
        vendor.id,
        vendor.part_type,
        vendor.created_at,
        listed.place
    from extracted
    cross join lateral jsonb_array_elements({{ json_array("extracted.conversation_parts -> 'conversation_parts'") }})
        with ordinality as listed (part, place)
    cross join lateral jsonb_to_record({{ json_object('listed.part') }}) as vendor (
        id text, part_type text, created_at text
    )

),

final as (

    select
        'intercom' as source,
        conversation_id,
        change_id,
        case
            when kind = 'close' then 'closed'
            when kind = 'snoozed' then 'pending'
            else 'open'
        end as status,
        {{ try_formatted_timestamp('created_at', 'epoch_s') }} as changed_at,
        place::numeric as place
    from changed
    where
        kind in (
            'open', 'close', 'snoozed', 'unsnoozed', 'timer_unsnooze', 'assign_and_reopen', 'assign_and_unsnooze'
        )
        and change_id is not null

)

select * from final
