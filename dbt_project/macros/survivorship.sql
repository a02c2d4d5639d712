{# {source: place} as jsonb. The order names sources, or kinds: the sources of a kind then follow each
   other as in var `kinds`, unless they are named themselves. No two share a place: between two CRMs
   the most recent value would be the one to which this project wrote last. #}
{% macro places_of(order) -%}
    {%- set places = {} -%}
    {%- for source, kind in var('kinds').items() if kind in order -%}
        {%- do places.update({source: order.index(kind) * 1000 + loop.index}) -%}
    {%- endfor -%}
    {%- for source in order if source not in var('kinds').values() -%}
        {%- do places.update({source: order.index(source) * 1000}) -%}
    {%- endfor -%}
    {{ text_literal(tojson(places, sort_keys=true)) }}::jsonb
{%- endmacro %}
