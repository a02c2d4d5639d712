with workitems as (

    select * from {{ ref('base_nextiva__workitems') }}
    where profile_id is not null

),

final as (

    select
        'nextiva' as source,
        workitems.profile_id,
        offered.identifier_type,
        min(offered.identifier_value) as identifier_value,
        false as is_confirmed,
        min(workitems.first_as_of) as first_as_of
    from workitems
    cross join lateral (
        values ('email', workitems.email), ('phone', workitems.phone)
    ) as offered (identifier_type, identifier_value)
    where offered.identifier_value is not null
    group by workitems.profile_id, offered.identifier_type

)

select * from final
