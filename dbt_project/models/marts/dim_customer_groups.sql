with organisations as (

    select customer_id, organisation_id from {{ ref('int_customer_organisations_anchored') }}

),

households as (

    select customer_id, household_id from {{ ref('int_customer_households_anchored') }}

),

final as (

    select
        coalesce(organisations.customer_id, households.customer_id) as customer_id,
        organisations.organisation_id,
        households.household_id
    from organisations
    full join households on organisations.customer_id = households.customer_id

)

select * from final
