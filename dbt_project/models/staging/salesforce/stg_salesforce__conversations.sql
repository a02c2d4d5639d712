with cases as (

    select * from {{ source('salesforce', 'cases') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        cases.record_key as conversation_id,
        vendor.*,
        {{ try_boolean('vendor."IsClosed"') }} as is_closed,
        {{ try_timestamp('vendor."CreatedDate"') }} as opened_at,
        {{ try_timestamp('vendor."ClosedDate"') }} as ended_at
    from cases
    cross join lateral jsonb_to_record({{ json_object('cases.payload') }}) as vendor (
        "IsDeleted" text, "IsClosed" text, "ContactId" text, "Origin" text, "Subject" text,
        "Status" text, "Priority" text, "CreatedDate" text, "SystemModstamp" text,
        "ClosedDate" text, "OwnerId" text
    )
    where not coalesce({{ try_boolean('vendor."IsDeleted"') }}, false)

),

final as (

    select
        'salesforce' as source,
        'salesforce:contacts:' || {{ clean_text('"ContactId"') }} as profile_id,
        conversation_id,
        coalesce(lower({{ clean_text('"Origin"') }}), 'unknown') as channel,
        {{ clean_text('"Subject"') }} as subject,
        case when is_closed then 'closed' when lower("Status") = 'new' then 'new' else 'open' end as status,
        {{ meaning('conversations', 'priority', '"Priority"') }} as priority,
        opened_at as created_at,
        {{ try_timestamp('"SystemModstamp"') }} as updated_at,
        case when is_closed then ended_at end as solved_at,
        case when is_closed and ended_at >= opened_at then extract(epoch from ended_at - opened_at) / 60 end
            as full_resolution_minutes,
        {{ clean_text('"OwnerId"') }} as assignee_id
    from extracted

)

{{ conform('conversations', 'final', absent=[
    'first_replied_at', 'first_reply_minutes', 'reopens', 'replies', 'rating',
]) }}
