with contacts as (

    select * from {{ ref('base_hubspot__contacts') }}

),

final as (

    select distinct
        'hubspot' as source,
        contacts.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        contacts.first_as_of
    from contacts
    cross join lateral (
        select 'hubspot_id', contacts.vendor_id, true
        union all
        select 'hubspot_id', regexp_split_to_table(contacts.merged_ids, '\s*;\s*'), true
        union all
        select 'user_id', contacts.user_id, true
        union all
        select 'email', contacts.email, false
        union all
        select 'email', regexp_split_to_table(contacts.additional_emails, '\s*;\s*'), false
        union all
        select 'phone', contacts.phone, false
        union all
        select 'phone', contacts.mobile_phone, false
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value <> ''

)

select * from final
