with accounts as (

    select * from {{ source('zoho', 'accounts') }}
    where is_latest and not is_deleted

),

final as (

    select
        'zoho' as source,
        accounts.record_key as company_id,
        {{ clean_text('vendor."Account_Name"') }} as name,
        {{ domain_of('vendor."Website"') }} as domain,
        upper({{ clean_text('vendor."Billing_Country"') }}) as country,
        {{ clean_text('vendor."Industry"') }} as industry,
        {{ try_integer('vendor."Employees"') }} as employees,
        {{ try_timestamp('vendor."Created_Time"') }} as created_at,
        {{ try_timestamp('vendor."Modified_Time"') }} as updated_at
    from accounts
    cross join lateral jsonb_to_record({{ json_object('accounts.payload') }}) as vendor (
        deleted_time text, "Account_Name" text, "Website" text, "Billing_Country" text,
        "Industry" text, "Employees" text, "Created_Time" text, "Modified_Time" text
    )
    where vendor.deleted_time is null

)

select * from final
