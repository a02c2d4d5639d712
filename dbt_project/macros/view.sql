{#- Keeps a view if its statement has not changed since the last run. dbt alone would create it under
    another name, rename both and drop the old one. The hash of the statement is stored in the view's
    comment. If a table that the view reads is dropped, the view and its comment are dropped too. -#}
{% materialization view, adapter='postgres' %}
    {%- set mark = 'made of ' ~ local_md5(sql ~ tojson(config.get('grants', {}))) -%}
    {%- set own_hooks = post_hooks | rejectattr('sql', 'equalto', '{{ analyze_built(this) }}') | list -%}
    {%- set plain = config.persist_relation_docs() or pre_hooks or own_hooks -%}
    {%- if not plain and not should_full_refresh() and comment_of_view(this) == mark -%}
        {%- call noop_statement('main', 'UNCHANGED') -%}{{ sql }}{%- endcall -%}
        {{ return({'relations': [this.incorporate(type='view')]}) }}
    {%- endif -%}
    {%- set created = dbt.materialization_view_default() -%}
    {%- if not plain -%}
        {%- call statement('mark') -%}comment on view {{ this }} is '{{ mark }}'{%- endcall -%}
        {{ adapter.commit() }}
    {%- endif -%}
    {{ return(created) }}
{% endmaterialization %}

{% macro comment_of_view(relation) -%}
    {%- set found = run_query(
        "select obj_description(oid, 'pg_class') from pg_class where relkind = 'v' and oid = to_regclass('"
        ~ relation ~ "')"
    ) -%}
    {{ return(found.columns[0].values()[0] if found.rows else none) }}
{%- endmacro %}
