{# A company's name for comparing: without case, punctuation and double blanks. #}
{% macro organisation_name_key(name) -%}
    nullif(btrim(regexp_replace(lower({{ name }}), '[^[:alnum:]]+', ' ', 'g')), '')
{%- endmacro %}
