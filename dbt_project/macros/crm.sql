{# The custom field that rapport.yml declares under this name for a stream; NULL if there is none. #}
{% macro declared_field(source, stream, name) -%}
    {%- set found = namespace(path=none) -%}
    {%- for field in var('custom_fields') if field.source == source and field.stream == stream and field.name == name -%}
        {%- set found.path = field.path -%}
    {%- endfor -%}
    {%- if found.path -%}
        {%- set parts = [] -%}
        {%- for part in found.path -%}{%- do parts.append(text_literal(part)) -%}{%- endfor -%}
        {{ clean_text('payload #>> array[' ~ parts | join(', ') ~ ']') }}
    {%- else -%}
        null::text
    {%- endif -%}
{%- endmacro %}

{# The domain of a web address, with or without https:// and www. in front. #}
{% macro domain_of(url) -%}
    lower(substring(btrim({{ url }}) from '^(?:[a-zA-Z]+://)?(?:www\.)?([^\s/:?#@]+\.[^\s/:?#@.]+)'))
{%- endmacro %}

{% macro company_currency() -%}
    {{ text_literal(var('company').get('currency') or 'XXX') }}
{%- endmacro %}
