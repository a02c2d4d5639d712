{# Selects a CTE in the shape of a canonical entity. `absent` lists the columns of the entity that the vendor
   does not have; each becomes NULL, or an empty list. All columns of the CTE are kept. The build fails if
   `absent` lists a column that the CTE has, because the result would have that column twice. #}
{% macro conform(entity, cte, absent) -%}
    {%- set columns = canonical_columns(entity) -%}
    select
        *,
        {%- for name in absent %}
        {%- if name not in columns %}
        {{ exceptions.raise_compiler_error("There is no column " ~ name ~ " of " ~ entity ~ " that could be absent.") }}
        {%- endif %}
        {{ "'{}'" if columns[name] == 'text[]' else 'null' }}::{{ columns[name] }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ cte }}
{%- endmacro %}
