{# A company's name for comparisons: in lower case, without punctuation and repeated spaces. #}
{% macro organisation_name_key(name) -%}
    nullif(btrim(regexp_replace(lower({{ name }}), '[^[:alnum:]]+', ' ', 'g')), '')
{%- endmacro %}
