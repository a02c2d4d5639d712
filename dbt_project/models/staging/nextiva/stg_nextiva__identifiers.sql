with workitems as (

    select * from {{ ref('base_nextiva__workitems') }}
    where profile_id is not null

),

people as (

    select
        profile_id,
        min(email) as email,
        min(phone) as phone,
        min(first_as_of) as first_as_of
    from workitems
    group by profile_id

),

final as (

    {{ identifiers('nextiva', 'people', [
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
