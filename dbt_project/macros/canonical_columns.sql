{# The shape that every staging model of an entity has at least. The only place that states it. #}
{% macro canonical_columns(entity) %}
    {%- set text, number, int, flag, texts = 'text', 'numeric', 'integer', 'boolean', 'text[]' -%}
    {%- set time, date = 'timestamptz', 'date' -%}
    {%- set shapes = {
        'contacts': {
            'source': text, 'profile_id': text, 'vendor_id': text, 'email': text, 'additional_emails': texts,
            'phone': text, 'additional_phones': texts, 'user_id': text, 'full_name': text, 'first_name': text,
            'last_name': text, 'birth_date': date, 'street': text, 'postal_code': text, 'city': text,
            'region': text, 'country': text, 'company_name': text, 'company_domain': text,
            'job_title': text, 'language': text, 'lifecycle_stage': text, 'created_at': time, 'updated_at': time,
        },
        'companies': {
            'source': text, 'company_id': text, 'name': text, 'domain': text, 'country': text, 'industry': text,
            'employees': int, 'created_at': time, 'updated_at': time,
        },
        'identifiers': {
            'source': text, 'profile_id': text, 'identifier_type': text, 'identifier_value': text,
            'is_confirmed': flag, 'first_as_of': time,
        },
        'orders': {
            'source': text, 'profile_id': text, 'order_id': text, 'ordered_at': time, 'status': text,
            'amount': number, 'currency': text, 'quantity': number, 'product_id': text, 'product_name': text,
            'category': text,
        },
        'subscriptions': {
            'source': text, 'profile_id': text, 'subscription_id': text, 'plan': text, 'status': text,
            'started_at': time, 'cancelled_at': time, 'renews_at': time, 'amount': number, 'currency': text,
            'updated_at': time, 'deleted_at': time,
        },
        'payments': {
            'source': text, 'profile_id': text, 'payment_id': text, 'subscription_id': text, 'status': text,
            'amount': number, 'currency': text, 'attempted_at': time, 'failure_reason': text,
        },
        'conversations': {
            'source': text, 'profile_id': text, 'conversation_id': text, 'channel': text, 'subject': text,
            'status': text, 'priority': text, 'created_at': time, 'updated_at': time, 'first_replied_at': time,
            'solved_at': time, 'first_reply_minutes': number, 'full_resolution_minutes': number, 'reopens': int,
            'replies': int, 'rating': text, 'assignee_id': text,
        },
        'conversation_parts': {
            'source': text, 'profile_id': text, 'conversation_id': text, 'part_id': text, 'author': text,
            'is_public': flag, 'body': text, 'created_at': time,
        },
        'conversation_changes': {
            'source': text, 'conversation_id': text, 'change_id': text, 'status': text, 'changed_at': time,
            'place': number,
        },
        'support_hours': {
            'source': text, 'schedule': text, 'is_default': flag, 'iso_weekday': int, 'opens_minute': int,
            'closes_minute': int, 'time_zone': text,
        },
        'support_holidays': {
            'source': text, 'schedule': text, 'first_date': 'date', 'last_date': 'date',
        },
        'conversation_schedules': {
            'source': text, 'conversation_id': text, 'schedule': text,
        },
        'conversation_targets': {
            'source': text, 'conversation_id': text, 'metric': text, 'policy': text, 'minutes': number,
            'hours': text,
        },
        'survey_responses': {
            'source': text, 'profile_id': text, 'response_id': text, 'survey_id': text, 'survey_name': text,
            'question_id': text, 'metric': text, 'scale': text, 'score': number, 'comment': text,
            'conversation_id': text, 'responded_at': time,
        },
        'survey_invitations': {
            'source': text, 'profile_id': text, 'invitation_id': text, 'metric': text, 'scale': text,
            'conversation_id': text, 'invited_at': time, 'is_answered': flag,
        },
        'vendor_figures': {
            'source': text, 'metric': text, 'figure_date': date, 'value': number, 'explanation': text,
        },
        'web_events': {
            'source': text, 'profile_id': text, 'event_id': text, 'event_name': text, 'occurred_at': time,
            'url': text, 'path': text, 'referrer': text, 'utm_source': text, 'utm_medium': text,
            'utm_campaign': text, 'product_id': text, 'category': text, 'device_id': text, 'user_id': text,
            'user_agent': text, 'is_bot': flag, 'load_id': 'bigint',
        },
        'consent_events': {
            'source': text, 'profile_id': text, 'event_id': text, 'channel': text, 'purpose': text,
            'status': text, 'occurred_at': time, 'policy_version': text,
        },
        'deals': {
            'source': text, 'profile_id': text, 'deal_id': text, 'name': text, 'stage': text, 'amount': number,
            'currency': text, 'created_at': time, 'closed_at': time,
        },
        'message_events': {
            'source': text, 'profile_id': text, 'event_id': text, 'message_id': text, 'campaign': text,
            'channel': text, 'event_type': text, 'occurred_at': time,
        },
    } -%}
    {%- if entity not in shapes -%}
        {{ exceptions.raise_compiler_error("There is no canonical entity '" ~ entity ~ "'. Known: " ~ shapes.keys() | join(', ') ~ '.') }}
    {%- endif -%}
    {{ return(shapes[entity]) }}
{% endmacro %}

{# What a column of an entity may hold beside NULL, which is "not said": words, or a pattern of them. The
   only place that states it; a test holds every staging model to it, and every union describes it. #}
{% macro canonical_values(entity) %}
    {%- set survey = {'metric': ['nps', 'csat', 'ces'], 'scale': ['good_bad', '[0-9]{1,2}-[0-9]{1,2}']} -%}
    {%- set values = {
        'orders': {'status': ['paid', 'refunded', 'cancelled', 'pending']},
        'subscriptions': {'status': ['trialing', 'active', 'past_due', 'cancelled']},
        'payments': {'status': ['succeeded', 'failed', 'refunded', 'pending']},
        'conversations': {
            'status': ['new', 'open', 'pending', 'solved', 'closed'],
            'priority': ['urgent', 'high', 'normal', 'low'],
        },
        'conversation_parts': {'author': ['customer', 'agent', 'machine']},
        'conversation_changes': {'status': ['new', 'open', 'pending', 'solved', 'closed']},
        'conversation_targets': {'metric': ['first_reply', 'full_resolution'], 'hours': ['business', 'calendar']},
        'survey_responses': survey,
        'survey_invitations': survey,
        'consent_events': {
            'channel': ['email', 'sms', 'push', 'any'],
            'purpose': ['marketing', 'feedback', 'service', 'any'],
            'status': ['granted', 'withdrawn'],
        },
        'message_events': {
            'channel': ['email', 'sms', 'push', 'in_app', 'chat', 'phone', 'whatsapp'],
            'event_type': ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained', 'unsubscribed'],
        },
    } -%}
    {{ return(values.get(entity, {})) }}
{% endmacro %}

{# Columns of mapped files that hold the company's own words. What no model knows is in no figure. #}
{% macro as_the_company_writes() %}
    {{ return({
        'stg_files__survey_responses': ['scale'],
        'stg_files__consent_events': ['channel', 'purpose'],
        'stg_files__message_events': ['channel'],
    }) }}
{% endmacro %}
