{# The values of each fact that are not plausible: entity, id, time, whether a time in the future is odd, and
   {column: {oddity: condition}}. A build is never stopped by one of them: metrics leave the row out, unless its
   oddity is in `counted`. #}
{% macro odd_values() -%}
    {%- set facts = {
        'fct_orders': {'entity': 'orders', 'id': 'order_id', 'time': 'ordered_at', 'currency': true, 'checks': {
            'amount': {'missing': 'amount is null', 'implausible': 'abs(amount) > 10000 * typical_amount'},
            'currency': {'unknown': "currency = 'XXX'"}, 'status': {'unknown': 'status is null'},
        }},
        'fct_payments': {'entity': 'payments', 'id': 'payment_id', 'time': 'attempted_at', 'currency': true, 'checks': {
            'amount': {'missing': 'amount is null', 'implausible': 'abs(amount) > 10000 * typical_amount'},
            'currency': {'unknown': 'currency is null'}, 'status': {'unknown': 'status is null'},
        }},
        'fct_subscriptions': {'entity': 'subscriptions', 'id': 'subscription_id', 'time': 'started_at', 'begins_later': true, 'currency': true, 'checks': {
            'amount': {'implausible': 'abs(amount) > 10000 * typical_amount'}, 'status': {'unknown': 'status is null'},
        }},
        'fct_conversations': {'entity': 'conversations', 'id': 'conversation_id', 'time': 'created_at', 'checks': {
            'status': {'unknown': 'status is null'},
            'first_replied_at': {
                'before_opening': "first_replied_at < created_at - interval '5 minutes'",
                'in_the_future': 'first_replied_at > ' ~ as_of() ~ " + interval '1 hour'",
            },
            'solved_at': {'in_the_future': 'solved_at > ' ~ as_of() ~ " + interval '1 hour'"},
        }},
        'fct_survey_responses': {'model': 'int_survey_responses_unioned', 'entity': 'survey_responses', 'id': 'response_id', 'time': 'responded_at', 'checks': {
            'score': {'off_scale': 'is_off_scale'},
        }},
        'fct_web_sessions': {'entity': 'web_events', 'id': 'session_id', 'time': 'started_at', 'checks': {}},
    } -%}
    {%- for fact in facts.values() -%}
        {%- set time = {'missing': fact.time ~ ' is null', 'before_1990': fact.time ~ " < timestamptz '1990-01-01T00:00:00Z'"} -%}
        {%- if not fact.begins_later -%}
            {%- do time.update({'in_the_future': fact.time ~ ' > ' ~ as_of() ~ " + interval '1 day'"}) -%}
        {%- endif -%}
        {%- do fact.checks.update({fact.time: time}) -%}
    {%- endfor -%}
    {{ return(facts) }}
{%- endmacro %}

{# Oddities whose rows metrics count all the same. #}
{% macro counted_oddities() -%}
    {{ return(['implausible', 'before_opening']) }}
{%- endmacro %}

{# What the connector found odd in the cells of a mapped dataset (`_read.odd`), by entity and fact. Web events are
   too many to be read twice. #}
{% macro facts_of_mapped_datasets() -%}
    {{ return({
        'orders': 'fct_orders', 'payments': 'fct_payments', 'subscriptions': 'fct_subscriptions',
        'conversations': 'fct_conversations', 'conversation_events': 'fct_conversations', 'survey_responses': 'fct_survey_responses',
        'contacts': 'dim_customers', 'consent_events': 'dim_consents', 'message_events': 'mart_message_engagement_daily',
    }) }}
{%- endmacro %}
