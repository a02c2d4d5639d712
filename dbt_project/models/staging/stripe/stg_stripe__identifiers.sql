with contacts as (

    select * from {{ ref('base_stripe__customers') }}

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
