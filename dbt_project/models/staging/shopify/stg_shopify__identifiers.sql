with contacts as (

    select * from {{ ref('base_shopify__customers') }}

),

final as (

    {{ identifiers('shopify', 'contacts', [
        ['shopify_id', 'vendor_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
