with opportunities as (

    select * from {{ source('salesforce', 'opportunities') }}
    where is_latest and not is_deleted

),

final as (

    select
        'salesforce' as source,
        'salesforce:contacts:' || {{ clean_text('vendor."ContactId"') }} as profile_id,
        opportunities.record_key as deal_id,
        {{ clean_text('vendor."Name"') }} as name,
        {{ clean_text('vendor."StageName"') }} as stage,
        null::text as pipeline,
        {{ try_numeric('vendor."Amount"') }} as amount,
        coalesce(upper({{ clean_text('vendor."CurrencyIsoCode"') }}), {{ company_currency() }}) as currency,
        {{ try_timestamp('vendor."CreatedDate"') }} as created_at,
        {{ try_timestamp('vendor."CloseDate"') }} as closed_at
    from opportunities
    cross join lateral jsonb_to_record({{ json_object('opportunities.payload') }}) as vendor (
        "IsDeleted" text, "ContactId" text, "Name" text, "StageName" text, "Amount" text,
        "CurrencyIsoCode" text, "CreatedDate" text, "CloseDate" text
    )
    where not coalesce({{ try_boolean('vendor."IsDeleted"') }}, false)

)

select * from final
