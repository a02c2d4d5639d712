{# The exchange rate from a currency to the company's on a day, from the seed exchange_rates. NULL
   without a rate, so that an amount that cannot be converted is not added up. #}
{% macro rate_on(currency, day) -%}
    case
        when {{ currency }} = {{ text_literal(var('company').get('currency') or 'XXX') }} then 1
        else (
            select exchange_rates.rate
            from {{ ref('exchange_rates') }} as exchange_rates
            where exchange_rates.currency = {{ currency }} and exchange_rates.valid_from <= {{ day }}
            order by exchange_rates.valid_from desc
            limit 1
        )
    end
{%- endmacro %}
