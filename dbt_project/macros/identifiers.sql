{# What people offer to be known by, one row per profile and identifier. `people` is a CTE with profile_id and
   first_as_of, and `source` a vendor's name or a column such as people.source; each offer is [type, value, whether a vendor confirms it], in SQL over its columns. A value of
   `many` is a function that gives several. Empty values are no offer. #}
{% macro identifiers(source, people, offers, many=[]) -%}
    select
        {{ source if '.' in source else text_literal(source) }} as source,
        {{ people }}.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        min({{ people }}.first_as_of) as first_as_of
    from {{ people }}
    cross join lateral (
        values
        {%- for type, value, is_confirmed in offers %}
        ({{ text_literal(type) }}, {{ value }}, {{ is_confirmed }}){{ ',' if not loop.last }}
        {%- endfor %}
        {%- for type, values, is_confirmed in many %}
        union all
        select {{ text_literal(type) }}, {{ values }}, {{ is_confirmed }}
        {%- endfor %}
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where {{ people }}.profile_id is not null and offered.identifier_value <> ''
    group by
        {{ source ~ ',' if '.' in source }}
        {{ people }}.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed
{%- endmacro %}
