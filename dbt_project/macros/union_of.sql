{# The union of all staging models of an entity, with the canonical columns and without contact
   details. A missing column fails the build here. #}
{% macro union_of(entity, columns=none) -%}
    {%- set columns = columns or canonical_columns(entity) -%}
    {%- for model in var('canonical').get(entity, []) | sort %}
    select
        {%- for name, type in columns.items() %}
        ({{ public_column(entity, name) }})::{{ type }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ empty_relation(columns) }}
    {%- endfor %}
{%- endmacro %}

{% macro empty_relation(columns) -%}
    select
        {%- for name, type in columns.items() %}
        null::{{ type }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}
