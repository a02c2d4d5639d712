with cases as (

    select * from {{ source('zoho', 'cases') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        cases.record_key as conversation_id,
        vendor.*,
        {{ try_timestamp('vendor."Created_Time"') }} as opened_at,
        {{ try_timestamp('vendor."Modified_Time"') }} as changed_at,
        case lower(vendor."Status") when 'new' then 'new' when 'closed' then 'closed' else 'open' end as status
    from cases
    cross join lateral jsonb_to_record({{ json_object('cases.payload') }}) as vendor (
        deleted_time text, "Status" text, "Related_To" jsonb, "Case_Origin" text, "Subject" text,
        "Priority" text, "Owner" jsonb, "Created_Time" text, "Modified_Time" text
    )
    where vendor.deleted_time is null

),

final as (

    select
        'zoho' as source,
        'zoho:contacts:' || {{ clean_text('"Related_To" ->> \'id\'') }} as profile_id,
        conversation_id,
        coalesce(lower({{ clean_text('"Case_Origin"') }}), 'unknown') as channel,
        {{ clean_text('"Subject"') }} as subject,
        status,
        {{ meaning('conversations', 'priority', '"Priority"') }} as priority,
        opened_at as created_at,
        changed_at as updated_at,
        case status when 'closed' then changed_at end as solved_at,
        {{ clean_text('"Owner" ->> \'id\'') }} as assignee_id
    from extracted

)

{{ conform('conversations', 'final', absent=[
    'first_replied_at', 'first_reply_minutes', 'full_resolution_minutes', 'reopens', 'replies',
    'rating',
]) }}
