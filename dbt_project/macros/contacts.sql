{# Contact details have no business in marts: what strangers write, and what people are keyed by, is
   freed of them in the unions, which every source passes. #}

{# An e-mail address, percent-encoded too, or a number with its country code. A picture such as
   logo@2x.png is none. #}
{% macro contact_pattern() -%}
    ([^[:space:]/?&=#:;,<>"(){}@]+(@|%(25)*40)(?![0-9.]+x?[.](png|jpe?g|gif|webp|svg|avif)\M)([^[:space:]/?&=#:;,<>"(){}@.%]+([.]|%(25)*2E))+[[:alpha:]]{2,}|(?<![[:alnum:]])([+]|%(25)*2B)[1-9](([ ().-]|%(25)*20){0,2}[0-9]){6,14}(?![0-9]))
{%- endmacro %}

{# A number as it stands in links, without its country code. #}
{% macro number_pattern() -%}
    (?<![[:alnum:]._-])00?[1-9][0-9]{7,12}(?![[:alnum:]._-])
{%- endmacro %}

{# Six times faster than the pattern, and of nearly every value it says no. #}
{% macro may_hold_contacts(text) -%}
    strpos({{ text }}, '@') + strpos({{ text }}, '+') + strpos({{ text }}, '%') > 0
{%- endmacro %}

{# A text without the contact details in it. #}
{% macro without_contacts(text) -%}
    case
        when {{ may_hold_contacts(text) }} then regexp_replace({{ text }}, '{{ contact_pattern() }}', '(contact)', 'gi')
        else {{ text }}
    end
{%- endmacro %}

{% macro link_without_contacts(link) -%}
    case
        when {{ may_hold_contacts(link) }} or {{ link }} ~ '0[0-9]{8}'
            then regexp_replace({{ link }}, '{{ contact_pattern() }}|{{ number_pattern() }}', '(contact)', 'gi')
        else {{ link }}
    end
{%- endmacro %}

{# An id stays one: where it is made of a contact detail, its hash takes its place everywhere. #}
{% macro id_without_contacts(id) -%}
    case
        when {{ may_hold_contacts(id) }} and {{ id }} ~* '{{ contact_pattern() }}'
            then encode(sha256(convert_to({{ id }}, 'UTF8')), 'hex')
        else {{ id }}
    end
{%- endmacro %}

{# A column of a canonical entity, as what is built on it may hold it. Only what belongs to identity
   and to the tables of personal data keeps contact details. #}
{% macro public_column(entity, name) -%}
    {%- set personal = [
        'source', 'profile_id', 'vendor_id', 'user_id', 'device_id', 'user_agent', 'email', 'phone',
        'full_name', 'first_name', 'last_name', 'identifier_type', 'identifier_value', 'subject',
        'comment', 'body', 'author',
    ] -%}
    {%- if canonical_columns(entity)[name] != 'text' or name in personal -%}
        {{ name }}
    {%- elif name in ('url', 'path', 'referrer') -%}
        {{ link_without_contacts(name) }}
    {%- elif name.endswith('_id') -%}
        {{ id_without_contacts(name) }}
    {%- else -%}
        {{ without_contacts(name) }}
    {%- endif -%}
{%- endmacro %}
