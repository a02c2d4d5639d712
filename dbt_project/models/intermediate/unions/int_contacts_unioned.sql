{{ config(indexes=[{'columns': ['profile_id']}]) }}

with contacts as (

    {{ union_of('contacts') }}

),

final as (

    select * from contacts
    where profile_id is not null

)

select * from final
