{# {source: place} as jsonb. What stands in the order is a source, or a kind: then all its sources
   share the place, unless they are named themselves. #}
{% macro places_of(order) -%}
    {%- set places = {} -%}
    {%- for source, kind in var('kinds').items() if kind in order -%}
        {%- do places.update({source: order.index(kind)}) -%}
    {%- endfor -%}
    {%- for source in order if source not in var('kinds').values() -%}
        {%- do places.update({source: order.index(source)}) -%}
    {%- endfor -%}
    {{ text_literal(tojson(places, sort_keys=true)) }}::jsonb
{%- endmacro %}
