{# What a word of a vendor means, from the words that the connectors know. An unknown word has the meaning
   that does the least harm; NULL stays NULL. #}
{% macro meaning(entity, column, word) -%}
    {%- set words = var('words')[entity ~ '.' ~ column] -%}
    case
        when {{ word }} is null then null
        {%- for meant, known in words.known.items() %}
        when lower(regexp_replace({{ word }}, '[\s_./-]+', '_', 'g')) in ({% for one in known %}{{ text_literal(one) }}{{ ', ' if not loop.last }}{% endfor %}) then {{ text_literal(meant) }}
        {%- endfor %}
        else {{ text_literal(words.unknown) if words.unknown else 'null' }}
    end
{%- endmacro %}
