{#- Segments are made of what was published, after the gate: inside models/segments, ref() gives the
    published table (config.meta.publish of the model) instead of the one that was just built.
    A unit test gives its own rows, which stay as they are. -#}
{% macro ref() %}
    {%- set relation = builtins.ref(*varargs, **kwargs) -%}
    {%- if not execute or model.resource_type != 'model' or 'segments' not in model.fqn -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- if relation.is_cte or (relation.identifier or '').startswith('__dbt__cte__') -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == varargs[-1] -%}
        {%- set schema = (node.config.meta or {}).get('publish') -%}
        {%- if not schema -%}
            {{ exceptions.raise_compiler_error(varargs[-1] ~ " is not published: a segment reads marts only.") }}
        {%- endif -%}
        {{ return(relation.incorporate(path={'schema': schema})) }}
    {%- endfor -%}
    {{ return(relation) }}
{% endmacro %}
