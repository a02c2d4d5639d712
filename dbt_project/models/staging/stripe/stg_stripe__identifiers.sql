with customers as (

    select * from {{ ref('base_stripe__customers') }}

),

owners_of_deleted_subscriptions as (

    select
        {{ clean_text("payload ->> 'customer'") }} as vendor_id,
        min(first_as_of) as first_as_of
    from {{ versions_with_deleted(source('stripe', 'subscriptions')) }} as versions
    where deleted_at is not null
    group by 1

),

contacts as (

    select profile_id, vendor_id, user_id, email, phone, first_as_of
    from customers
    union all
    select
        'stripe:customers:' || vendor_id as profile_id,
        vendor_id,
        null as user_id,
        null as email,
        null as phone,
        first_as_of
    from owners_of_deleted_subscriptions

),

final as (

    {{ identifiers('stripe', 'contacts', [
        ['stripe_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
