{% macro url_path(url) -%}
    nullif(split_part(split_part(regexp_replace({{ url }}, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', ''), '?', 1), '#', 1), '')
{%- endmacro %}

{% macro query_parameter(url, name) -%}
    nullif(substring({{ url }} from '[?&]{{ name }}=([^&#]*)'), '')
{%- endmacro %}

{% macro is_bot(user_agent) -%}
    coalesce({{ user_agent }} ~* '(bot|spider|crawl|slurp)', false)
{%- endmacro %}
