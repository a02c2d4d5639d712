with contacts as (

    select * from {{ ref('base_intercom__contacts') }}

),

final as (

    select distinct
        'intercom' as source,
        contacts.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        contacts.first_as_of
    from contacts
    cross join lateral (
        select 'intercom_id', contacts.vendor_id, true
        union all
        select 'user_id', contacts.user_id, true
        union all
        select 'email', contacts.email, false
        union all
        select 'phone', contacts.phone, false
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value <> ''

)

select * from final
