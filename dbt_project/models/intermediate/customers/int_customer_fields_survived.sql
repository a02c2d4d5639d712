{%- set fields = var('survivorship') %}
{%- set part_of_address = 'num_nulls(contacts.street, contacts.postal_code) > 0' %}

with contacts as (

    select members.customer_id, contacts.*
    from {{ ref('int_contacts_unioned') }} as contacts
    inner join {{ source('identity', 'members') }} as members on contacts.profile_id = members.profile_id

),

accepted as (

    select
        sources.source,
        normal_forms.identifier_type,
        normal_forms.raw_value,
        normal_forms.normal_form collate "default" as normal_form
    from {{ source('identity_dictionary', 'normal_forms') }} as normal_forms
    inner join {{ source('identity_dictionary', 'sources') }} as sources
        on normal_forms.region = case
            when normal_forms.identifier_type = 'phone' then sources.region else ''
        end
    where normal_forms.identifier_type in ('email', 'phone') and normal_forms.problem is null

),

offered as (

    select
        contacts.customer_id,
        contacts.source,
        contacts.updated_at,
        field.name as field,
        field.value,
        coalesce((field.places ->> contacts.source)::integer, 1000) as place,
        field.is_partial
    from contacts
    cross join lateral (
        values
        {%- for field, sources in fields.items() %}
        (
            '{{ field }}',
            contacts.{{ field }}::text,
            {{ places_of(sources) }},
            {{ part_of_address if field in ('street', 'postal_code', 'region') else 'false' }}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as field (name, value, places, is_partial)
    where field.value is not null
    union all
    -- An order or a ticket has an address too. It counts for a customer who is in no contact.
    select
        members.customer_id,
        identifiers.source,
        null as updated_at,
        identifiers.identifier_type as field,
        identifiers.identifier_value as value,
        2000 as place,
        false as is_partial
    from {{ ref('int_identifiers_unioned') }} as identifiers
    inner join {{ source('identity', 'members') }} as members on identifiers.profile_id = members.profile_id
    left join (select distinct contacts.customer_id from contacts) as known
        on members.customer_id = known.customer_id
    where identifiers.identifier_type in ('email', 'phone') and known.customer_id is null

),

usable as (

    select
        offered.customer_id,
        offered.source,
        offered.updated_at,
        offered.field,
        coalesce(accepted.normal_form, offered.value) as value,
        offered.place,
        offered.is_partial
    from offered
    left join accepted
        on
            offered.source = accepted.source
            and offered.field = accepted.identifier_type
            and offered.value = accepted.raw_value
    where offered.field not in ('email', 'phone') or accepted.normal_form is not null

),

counted as (

    select
        *,
        count(*) over (partition by customer_id, field, value) as times
    from usable

),

final as (

    select distinct on (customer_id, field)
        customer_id,
        field,
        value,
        source,
        updated_at as as_of
    from counted
    order by
        customer_id,
        field,
        field = 'phone' and value like '%;ext=%',
        is_partial,
        place,
        updated_at desc nulls last,
        times desc,
        value collate "C"

)

select * from final
