{# A CTE in the shape of a canonical entity. `absent` names what the vendor does not say: NULL, or no elements of
   a list. Whatever the CTE has stays; a column that it has and that is called absent stands there twice, which
   fails the build. #}
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
