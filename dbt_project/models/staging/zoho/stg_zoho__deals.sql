with deals as (

    select * from {{ source('zoho', 'deals') }}
    where is_latest and not is_deleted

),

final as (

    select
        'zoho' as source,
        'zoho:contacts:' || {{ clean_text('vendor."Contact_Name" ->> \'id\'') }} as profile_id,
        deals.record_key as deal_id,
        {{ clean_text('vendor."Deal_Name"') }} as name,
        {{ clean_text('vendor."Stage"') }} as stage,
        {{ clean_text('vendor."Pipeline"') }} as pipeline,
        {{ try_numeric('vendor."Amount"') }} as amount,
        coalesce(upper({{ clean_text('vendor."Currency"') }}), {{ company_currency() }}) as currency,
        {{ try_timestamp('vendor."Created_Time"') }} as created_at,
        {{ try_timestamp('vendor."Closing_Date"') }} as closed_at
    from deals
    cross join lateral jsonb_to_record({{ json_object('deals.payload') }}) as vendor (
        deleted_time text, "Contact_Name" jsonb, "Deal_Name" text, "Stage" text, "Pipeline" text,
        "Amount" text, "Currency" text, "Created_Time" text, "Closing_Date" text
    )
    where vendor.deleted_time is null

)

select * from final
