{{ config(materialized='ephemeral') }}

with contacts as (

    select
        *,
        'contacts' as stream,
        {{ declared_field('salesforce', 'contacts', 'user_id') }} as user_id
    from {{ source('salesforce', 'contacts') }}
    where is_latest and not is_deleted

),

leads as (

    select
        *,
        'leads' as stream,
        {{ declared_field('salesforce', 'leads', 'user_id') }} as user_id
    from {{ source('salesforce', 'leads') }}
    where is_latest and not is_deleted

),

people as (

    select * from contacts
    union all
    select * from leads

),

final as (

    select
        'salesforce:' || people.stream || ':' || people.record_key as profile_id,
        people.record_key as vendor_id,
        people.stream,
        coalesce({{ try_boolean('vendor."IsDeleted"') }}, false) as is_in_bin,
        coalesce({{ try_boolean('vendor."IsConverted"') }}, false) as is_converted,
        coalesce({{ clean_text('vendor."ConvertedContactId"') }}, {{ clean_text('vendor."MasterRecordId"') }}) as became_id,
        {{ clean_text('vendor."AccountId"') }} as account_id,
        {{ clean_text('vendor."Email"') }} as email,
        {{ clean_text('vendor."Phone"') }} as phone,
        {{ clean_text('vendor."MobilePhone"') }} as mobile_phone,
        people.user_id,
        {{ clean_text('vendor."FirstName"') }} as first_name,
        {{ clean_text('vendor."LastName"') }} as last_name,
        {{ try_birth_date('vendor."Birthdate"') }} as birth_date,
        {{ clean_text('coalesce(vendor."MailingStreet", vendor."Street")') }} as street,
        {{ clean_text('coalesce(vendor."MailingPostalCode", vendor."PostalCode")') }} as postal_code,
        {{ clean_text('coalesce(vendor."MailingState", vendor."State")') }} as region,
        upper({{ clean_text('coalesce(vendor."MailingCountryCode", vendor."MailingCountry", vendor."CountryCode", vendor."Country")') }})
            as country,
        {{ clean_text('coalesce(vendor."MailingCity", vendor."City")') }} as city,
        {{ clean_text('vendor."Company"') }} as company_name,
        {{ clean_text('vendor."Website"') }} as website,
        {{ clean_text('vendor."Title"') }} as job_title,
        coalesce({{ try_boolean('vendor."HasOptedOutOfEmail"') }}, false) as has_opted_out_of_email,
        {{ try_timestamp('vendor."CreatedDate"') }} as created_at,
        {{ try_timestamp('vendor."SystemModstamp"') }} as updated_at,
        people.first_as_of
    from people
    cross join lateral jsonb_to_record({{ json_object('people.payload') }}) as vendor (
        "IsDeleted" text, "IsConverted" text, "ConvertedContactId" text, "MasterRecordId" text,
        "AccountId" text, "Email" text, "Phone" text, "MobilePhone" text, "FirstName" text,
        "LastName" text, "Birthdate" text, "MailingStreet" text, "Street" text,
        "MailingPostalCode" text, "PostalCode" text, "MailingState" text, "State" text,
        "MailingCountryCode" text, "MailingCountry" text, "CountryCode" text, "Country" text,
        "MailingCity" text, "City" text, "Company" text, "Website" text, "Title" text,
        "HasOptedOutOfEmail" text, "CreatedDate" text, "SystemModstamp" text
    )

)

select * from final
