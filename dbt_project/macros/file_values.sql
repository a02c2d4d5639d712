{# Maps the states in files to the canonical states. A file without a state column gets the default. #}

{% macro order_status(status) -%}
    case
        when {{ status }} is null then 'paid'
        when lower({{ status }}) in ('paid', 'complete', 'completed', 'succeeded', 'fulfilled', 'shipped', 'delivered') then 'paid'
        when lower({{ status }}) in ('refunded', 'returned', 'chargeback') then 'refunded'
        when lower({{ status }}) in ('cancelled', 'canceled', 'void', 'voided', 'failed') then 'cancelled'
        else 'pending'
    end
{%- endmacro %}

{% macro subscription_status(status) -%}
    case
        when lower({{ status }}) in ('trial', 'trialing') then 'trialing'
        when lower({{ status }}) in ('past_due', 'unpaid') then 'past_due'
        when lower({{ status }}) in ('cancelled', 'canceled', 'expired', 'ended') then 'cancelled'
        else 'active'
    end
{%- endmacro %}

{% macro payment_status(status) -%}
    case
        when {{ status }} is null or lower({{ status }}) in ('succeeded', 'paid', 'success') then 'succeeded'
        when lower({{ status }}) in ('refunded', 'chargeback') then 'refunded'
        when lower({{ status }}) in ('failed', 'declined') then 'failed'
        else 'pending'
    end
{%- endmacro %}

{% macro conversation_status(status) -%}
    case
        when lower({{ status }}) in ('new', 'open', 'pending', 'solved', 'closed') then lower({{ status }})
        when lower({{ status }}) in ('hold', 'waiting') then 'pending'
        when lower({{ status }}) in ('resolved', 'done') then 'solved'
        else 'open'
    end
{%- endmacro %}

{# A word that nobody knows says nothing: which of them is more urgent is the company's to say. #}
{% macro conversation_priority(priority) -%}
    case
        when lower({{ priority }}) in ('urgent', 'critical', 'highest') then 'urgent'
        when lower({{ priority }}) = 'high' then 'high'
        when lower({{ priority }}) in ('normal', 'medium') then 'normal'
        when lower({{ priority }}) in ('low', 'lowest') then 'low'
    end
{%- endmacro %}

{# An unknown state counts as withdrawn, so that nobody is contacted by mistake. #}
{% macro consent_status(status) -%}
    case
        when {{ status }} is null then null
        when lower({{ status }}) in ('granted', 'opt_in', 'opted_in', 'subscribed', 'true', 'yes', '1') then 'granted'
        else 'withdrawn'
    end
{%- endmacro %}

{# Event names as mailing services export them. An open by a program that loads images counts. #}
{% macro message_event_type(event) -%}
    case
        when {{ event }} is null then null
        when lower({{ event }}) ~ 'unsub' then 'unsubscribed'
        when lower({{ event }}) ~ 'spam|complain|abuse' then 'complained'
        when lower({{ event }}) ~ 'bounce|drop|undeliver|fail' then 'bounced'
        when lower({{ event }}) ~ 'click' then 'clicked'
        when lower({{ event }}) ~ 'open' then 'opened'
        when lower({{ event }}) ~ 'deliver|^received' then 'delivered'
        else lower({{ event }})
    end
{%- endmacro %}

{# The currency of a row: the company's if there is no currency column, and XXX (ISO 4217's "no
   currency") if the cell is unreadable. #}
{% macro file_currency(dataset) -%}
    {%- if 'currency' in dataset.columns -%}
        {%- set currency = 'upper(' ~ file_column(dataset, 'currency') ~ ')' -%}
        case when {{ currency }} ~ '^[A-Z]{3}$' then {{ currency }} else 'XXX' end
    {%- else -%}
        {{ text_literal(var('company').get('currency') or 'XXX') }}
    {%- endif -%}
{%- endmacro %}

{# In an access log, a page view is a successful GET that is not for a part of a page. #}
{% macro file_event_name(dataset) -%}
    {%- if 'event_name' in dataset.columns -%}
        {{ file_column(dataset, 'event_name') }}
    {%- elif 'remote_host' in dataset.columns -%}
        case
            when payload ->> 'method' = 'GET' and payload ->> 'status' ~ '^[23]'
                and payload ->> 'path' !~* '\.(css|js|map|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|eot)([?#]|$)'
                then 'page_view'
            else 'request'
        end
    {%- else -%}
        'page_view'
    {%- endif -%}
{%- endmacro %}
