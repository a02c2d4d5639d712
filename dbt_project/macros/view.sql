{#- A view that would be made of the same statement as last night stays: dbt alone would make each
    anew under another name, rename both and drop the old one. The statement's hash stands in the
    view's comment. Postgres itself keeps a view's columns from changing under it; whatever drops
    what it reads drops the view too, and then there is no comment. -#}
{% materialization view, adapter='postgres' %}
    {%- set told = 'made of ' ~ local_md5(sql ~ tojson(config.get('grants', {}))) -%}
    {%- set plain = config.persist_relation_docs() or pre_hooks or post_hooks -%}
    {%- if not plain and not should_full_refresh() and comment_of_view(this) == told -%}
        {%- call noop_statement('main', 'UNCHANGED') -%}{{ sql }}{%- endcall -%}
        {{ return({'relations': [this.incorporate(type='view')]}) }}
    {%- endif -%}
    {%- set made = dbt.materialization_view_default() -%}
    {%- if not plain -%}
        {%- call statement('told') -%}comment on view {{ this }} is '{{ told }}'{%- endcall -%}
        {{ adapter.commit() }}
    {%- endif -%}
    {{ return(made) }}
{% endmaterialization %}

{% macro comment_of_view(relation) -%}
    {%- set found = run_query(
        "select obj_description(oid, 'pg_class') from pg_class where relkind = 'v' and oid = to_regclass('"
        ~ relation ~ "')"
    ) -%}
    {{ return(found.columns[0].values()[0] if found.rows else none) }}
{%- endmacro %}
