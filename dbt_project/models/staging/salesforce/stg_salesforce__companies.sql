with accounts as (

    select * from {{ source('salesforce', 'accounts') }}
    where is_latest and not is_deleted

),

final as (

    select
        'salesforce' as source,
        accounts.record_key as company_id,
        {{ clean_text('vendor."Name"') }} as name,
        {{ domain_of('vendor."Website"') }} as domain,
        upper({{ clean_text('coalesce(vendor."BillingCountryCode", vendor."BillingCountry")') }}) as country,
        {{ clean_text('vendor."Industry"') }} as industry,
        {{ try_integer('vendor."NumberOfEmployees"') }} as employees,
        {{ try_timestamp('vendor."CreatedDate"') }} as created_at,
        {{ try_timestamp('vendor."SystemModstamp"') }} as updated_at
    from accounts
    cross join lateral jsonb_to_record({{ json_object('accounts.payload') }}) as vendor (
        "IsDeleted" text, "Name" text, "Website" text, "BillingCountryCode" text,
        "BillingCountry" text, "Industry" text, "NumberOfEmployees" text, "CreatedDate" text,
        "SystemModstamp" text
    )
    where not coalesce({{ try_boolean('vendor."IsDeleted"') }}, false)

)

select * from final
