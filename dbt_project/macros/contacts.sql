{# These macros remove contact details from free text, links and ids. The unions apply them, so that
   no contact detail of any source reaches a mart. #}

{# Matches an e-mail address, also percent-encoded, or a phone number with its country code. The name
   of an image, such as logo@2x.png, does not match. #}
{% macro contact_pattern() -%}
    ([^[:space:]/?&=#:;,<>"(){}@]+(@|%(25)*40)(?![0-9.]+x?[.](png|jpe?g|gif|webp|svg|avif)\M)([^[:space:]/?&=#:;,<>"(){}@.%]+([.]|%(25)*2E))+[[:alpha:]]{2,}|(?<![[:alnum:]])([+]|%(25)*2B)[1-9](([ ().-]|%(25)*20){0,2}[0-9]){6,14}(?![0-9]))
{%- endmacro %}

{# Matches a phone number without + as it occurs in links. #}
{% macro number_pattern() -%}
    (?<![[:alnum:]._-])00?[1-9][0-9]{7,12}(?![[:alnum:]._-])
{%- endmacro %}

{# A test that is six times faster than the pattern and rules out nearly all values. #}
{% macro may_hold_contacts(text) -%}
    strpos({{ text }}, '@') + strpos({{ text }}, '+') + strpos({{ text }}, '%') > 0
{%- endmacro %}

{# The text with every contact detail replaced by "(contact)". #}
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

{# The id, or its hash if it contains a contact detail. The hash is the same in all tables. #}
{% macro id_without_contacts(id) -%}
    case
        when {{ may_hold_contacts(id) }} and {{ id }} ~* '{{ contact_pattern() }}'
            then encode(sha256(convert_to({{ id }}, 'UTF8')), 'hex')
        else {{ id }}
    end
{%- endmacro %}

{# A column of a canonical entity without contact details. Only the columns for identity and for the
   tables of personal data keep them. #}
{% macro public_column(entity, name) -%}
    {%- set personal = [
        'source', 'profile_id', 'vendor_id', 'user_id', 'device_id', 'user_agent', 'email', 'phone',
        'full_name', 'first_name', 'last_name', 'street', 'postal_code', 'identifier_type', 'identifier_value', 'subject',
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
