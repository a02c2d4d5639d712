with people as (

    select * from {{ ref('base_zoho__people') }}

),

final as (

    select distinct
        'zoho' as source,
        people.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        people.first_as_of
    from people
    cross join lateral (
        select 'zoho_id', people.vendor_id, true
        union all
        select 'zoho_id', people.became_id, true
        union all
        select 'user_id', people.user_id, true
        union all
        select 'email', people.email, false
        union all
        select 'email', people.other_email, false
        union all
        select 'phone', people.phone, false
        union all
        select 'phone', people.mobile_phone, false
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value <> ''

)

select * from final
