{%- set fields = var('custom_fields') %}

with members as (

    select * from {{ source('identity', 'members') }}

),

said as (

    {%- for field in fields %}
    {%- set dataset = var('datasets').get(field.stream) %}
    select
        {%- if dataset and dataset.source == field.source %}
        {{ file_profile_id({'namespace': dataset.namespace, 'columns': {}}) }} as profile_id,
        {%- else %}
        {{ text_literal(field.source ~ ':' ~ field.stream ~ ':') }} || substring(record_key from '[^/]+$') as profile_id,
        {%- endif %}
        {{ text_literal(field.name) }} as name,
        payload #> array[{% for part in field.path %}{{ text_literal(part) }}{{ ', ' if not loop.last }}{% endfor %}] as value,
        {{ loop.index }} as place,
        load_id
    from raw.{{ field.source ~ '__' ~ field.stream }}
    where is_latest and not is_deleted
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ empty_relation({'profile_id': 'text', 'name': 'text', 'value': 'jsonb', 'place': 'integer', 'load_id': 'bigint'}) }}
    {%- endfor %}

),

survived as (

    select distinct on (members.customer_id, said.name)
        members.customer_id,
        said.name,
        ({{ without_contacts('said.value::text') }})::jsonb as value
    from said
    inner join members on said.profile_id = members.profile_id
    where said.value is not null and said.value not in ('null'::jsonb, '""'::jsonb)
    order by members.customer_id, said.name, said.place, said.load_id desc, said.profile_id

),

final as (

    select customer_id, jsonb_object_agg(name, value) as custom_fields
    from survived
    group by customer_id

)

select * from final
