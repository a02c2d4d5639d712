{% macro url_path(url) -%}
    nullif(split_part(split_part(regexp_replace({{ url }}, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', ''), '?', 1), '#', 1), '')
{%- endmacro %}

{% macro query_parameter(url, name) -%}
    nullif(substring({{ url }} from '[?&]{{ name }}=([^&#]*)'), '')
{%- endmacro %}

{% macro is_bot(user_agent) -%}
    coalesce({{ user_agent }} ~* '(bot|spider|crawl|slurp)', false)
{%- endmacro %}

{# The origin of a session: the campaign parameters of its link, or else the referring site. A link
   from the company's own pages does not count. #}
{% macro session_channel(medium, referrer) -%}
    {%- set host = "lower(substring(" ~ referrer ~ " from '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:www\\.)?([^/:?#]+)'))" -%}
    case
        when {{ medium }} ~* '^(cpc|ppc|cpm|paid)' then 'paid'
        when {{ medium }} ~* '^e-?mail' then 'email'
        when {{ medium }} ~* 'social' then 'social'
        when {{ medium }} ~* '^(referral|affiliate|partner)' then 'referral'
        when {{ medium }} ~* '^organic' then 'organic_search'
        when {{ medium }} is not null then 'other'
        when {{ host }} is null or {{ host }} = any(array{{ var('own_domains') }}::text[]) then 'direct'
        when {{ host }} ~ '(^|\.)(google|bing|duckduckgo|ecosia|yahoo|yandex|baidu|qwant)\.' then 'organic_search'
        else 'referral'
    end
{%- endmacro %}
