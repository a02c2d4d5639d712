with personas as (

    select * from {{ source('predictions', 'personas') }}

),

standings as (

    select * from {{ source('predictions', 'standings') }}
    where model = 'personas'

),

final as (

    select
        personas.customer_id,
        personas.persona,
        personas.traits,
        personas.since,
        standings.model_version,
        standings.fitted_at,
        standings.is_stale
    from personas
    cross join standings

)

select * from final
