{{ config(materialized='ephemeral') }}

with customers as (

    select * from {{ source('shopify', 'customers') }}
    where is_latest and not is_deleted

),

final as (

    select
        substring(customers.record_key from '[^/]+$') as vendor_id,
        'shopify:customers:' || substring(customers.record_key from '[^/]+$') as profile_id,
        {{ clean_text("vendor.\"defaultEmailAddress\" ->> 'emailAddress'") }} as email,
        lower({{ clean_text("vendor.\"defaultEmailAddress\" ->> 'marketingState'") }}) as marketing_state,
        {{ try_timestamp("(vendor.\"defaultEmailAddress\" ->> 'marketingUpdatedAt')") }} as marketing_updated_at,
        {{ clean_text("vendor.\"defaultPhoneNumber\" ->> 'phoneNumber'") }} as phone,
        {{ clean_text('vendor."firstName"') }} as first_name,
        {{ clean_text('vendor."lastName"') }} as last_name,
        {{ clean_text("vendor.\"defaultAddress\" ->> 'address1'") }} as street,
        {{ clean_text("vendor.\"defaultAddress\" ->> 'zip'") }} as postal_code,
        {{ clean_text("vendor.\"defaultAddress\" ->> 'city'") }} as city,
        coalesce(
            {{ clean_text("vendor.\"defaultAddress\" ->> 'province'") }},
            {{ clean_text("vendor.\"defaultAddress\" ->> 'provinceCode'") }}
        ) as region,
        upper({{ clean_text("vendor.\"defaultAddress\" ->> 'countryCodeV2'") }}) as country,
        {{ clean_text("vendor.\"defaultAddress\" ->> 'company'") }} as company_name,
        {{ clean_text('vendor.locale') }} as language,
        {{ try_timestamp('vendor."createdAt"') }} as created_at,
        {{ try_timestamp('vendor."updatedAt"') }} as updated_at,
        customers.first_as_of
    from customers
    cross join lateral jsonb_to_record({{ json_object('customers.payload') }}) as vendor (
        "defaultEmailAddress" jsonb, "defaultPhoneNumber" jsonb, "firstName" text, "lastName" text,
        "defaultAddress" jsonb, locale text, "createdAt" text, "updatedAt" text
    )

)

select * from final
