{# The value if it has the right JSON type, else an empty one: jsonb_to_record and
   jsonb_array_elements raise an error for any other type. #}

{% macro json_object(value) -%}
    case jsonb_typeof({{ value }}) when 'object' then {{ value }} else '{}'::jsonb end
{%- endmacro %}

{% macro json_array(value) -%}
    case jsonb_typeof({{ value }}) when 'array' then {{ value }} else '[]'::jsonb end
{%- endmacro %}
