with addresses as (

    select
        contacts.customer_id,
        address.identifier_type,
        address.normal_form
    from {{ ref('dim_customer_contacts') }} as contacts
    cross join lateral (
        values ('email', contacts.email), ('phone', contacts.phone)
    ) as address (identifier_type, normal_form)
    where address.normal_form is not null

),

accepted as (

    select identifier_type, normal_form
    from {{ source('identity_dictionary', 'normal_forms') }}
    where problem is null

),

final as (

    select addresses.customer_id, addresses.identifier_type
    from addresses
    where not exists (
        select from accepted
        where
            accepted.identifier_type = addresses.identifier_type
            and accepted.normal_form = addresses.normal_form
    )

)

select * from final
