{{ config(materialized='ephemeral') }}

with contacts as (

    select
        *,
        'contacts' as stream,
        {{ declared_field('zoho', 'contacts', 'user_id') }} as user_id
    from {{ source('zoho', 'contacts') }}
    where is_latest and not is_deleted

),

leads as (

    select
        *,
        'leads' as stream,
        {{ declared_field('zoho', 'leads', 'user_id') }} as user_id
    from {{ source('zoho', 'leads') }}
    where is_latest and not is_deleted

),

people as (

    select record_key, payload, stream, user_id, first_as_of from contacts
    union all
    select record_key, payload, stream, user_id, first_as_of from leads

),

final as (

    select
        'zoho' as source,
        'zoho:' || people.stream || ':' || people.record_key as profile_id,
        people.record_key as vendor_id,
        people.stream,
        coalesce({{ try_boolean('vendor."Converted__s"') }}, false) as is_converted,
        {{ clean_text('vendor."Converted_Contact" ->> \'id\'') }} as became_id,
        {{ clean_text('vendor."Account_Name" ->> \'id\'') }} as account_id,
        {{ clean_text('vendor."Email"') }} as email,
        {{ clean_text('vendor."Secondary_Email"') }} as other_email,
        {{ clean_text('vendor."Phone"') }} as phone,
        {{ clean_text('vendor."Mobile"') }} as mobile_phone,
        people.user_id,
        {{ clean_text('vendor."First_Name"') }} as first_name,
        {{ clean_text('vendor."Last_Name"') }} as last_name,
        {{ try_birth_date('vendor."Date_of_Birth"') }} as birth_date,
        {{ clean_text('coalesce(vendor."Mailing_Street", vendor."Street")') }} as street,
        {{ clean_text('coalesce(vendor."Mailing_Zip", vendor."Zip_Code")') }} as postal_code,
        {{ clean_text('coalesce(vendor."Mailing_State", vendor."State")') }} as region,
        upper({{ clean_text('coalesce(vendor."Mailing_Country", vendor."Country")') }}) as country,
        {{ clean_text('coalesce(vendor."Mailing_City", vendor."City")') }} as city,
        {{ clean_text('vendor."Company"') }} as company_name,
        {{ clean_text('vendor."Website"') }} as website,
        {{ clean_text('coalesce(vendor."Title", vendor."Designation")') }} as job_title,
        coalesce({{ try_boolean('vendor."Email_Opt_Out"') }}, false) as has_opted_out_of_email,
        {{ try_timestamp('vendor."Unsubscribed_Time"') }} as opted_out_at,
        {{ try_timestamp('vendor."Created_Time"') }} as created_at,
        {{ try_timestamp('vendor."Modified_Time"') }} as updated_at,
        people.first_as_of
    from people
    cross join lateral jsonb_to_record({{ json_object('people.payload') }}) as vendor (
        deleted_time text, "Converted__s" text, "Converted_Contact" jsonb, "Account_Name" jsonb,
        "Email" text, "Secondary_Email" text, "Phone" text, "Mobile" text, "First_Name" text,
        "Last_Name" text, "Date_of_Birth" text, "Mailing_Street" text, "Street" text,
        "Mailing_Zip" text, "Zip_Code" text, "Mailing_State" text, "State" text,
        "Mailing_Country" text, "Country" text, "Mailing_City" text, "City" text,
        "Company" text, "Website" text, "Title" text, "Designation" text, "Email_Opt_Out" text,
        "Unsubscribed_Time" text, "Created_Time" text, "Modified_Time" text
    )
    where vendor.deleted_time is null

)

select * from final
