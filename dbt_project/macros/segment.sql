{#- A segment is not built: `rapport` reads its SQL as a login that can read marts and nothing else.
    dbt compiles it, runs its unit tests and documents it. -#}
{% materialization segment, default %}
    {%- call noop_statement('main', 'NOT BUILT') -%}{{ sql }}{%- endcall -%}
    {{ return({'relations': []}) }}
{% endmaterialization %}
