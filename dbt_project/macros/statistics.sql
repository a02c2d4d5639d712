{# Brings the statistics of a table up to date for Postgres's planner, in the transaction that builds it. A view
   has none. #}
{% macro analyze_built(relation) -%}
    {%- if model.config.materialized in ('table', 'incremental', 'seed') -%}
        analyze {{ relation }}
    {%- endif -%}
{%- endmacro %}
