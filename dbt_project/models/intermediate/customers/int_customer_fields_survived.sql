{%- set fields = var('survivorship') %}

with contacts as (

    select members.customer_id, contacts.*
    from {{ ref('int_contacts_unioned') }} as contacts
    inner join {{ source('identity', 'members') }} as members on contacts.profile_id = members.profile_id

),

offered as (

    select
        contacts.customer_id,
        contacts.source,
        contacts.updated_at,
        field.name as field,
        field.value,
        coalesce(array_position(field.sources, contacts.source), 1000) as place
    from contacts
    cross join lateral (
        values
        {%- for field, sources in fields.items() %}
        ('{{ field }}', contacts.{{ field }}, array['{{ sources | join("', '") }}']){{ ',' if not loop.last }}
        {%- endfor %}
    ) as field (name, value, sources)
    where field.value is not null

),

counted as (

    select
        *,
        count(*) over (partition by customer_id, field, value) as times
    from offered

),

final as (

    select distinct on (customer_id, field)
        customer_id,
        field,
        value,
        source,
        updated_at as as_of
    from counted
    order by customer_id, field, place, updated_at desc nulls last, times desc, value collate "C"

)

select * from final
