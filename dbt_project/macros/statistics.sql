{# Brings the statistics of a table up to date for Postgres's planner, in the transaction that builds it. A view
   has none. #}
{% macro analyze_built(relation) -%}
    {%- if model.config.materialized in ('table', 'incremental', 'seed') -%}
        analyze {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# For a model that joins by several columns which depend on each other, such as type, value and region of an
   identifier: Postgres's planner expects a single row and would compare each row with each. #}
{% macro no_nested_loops() -%}
    set local enable_nestloop = off
{%- endmacro %}
