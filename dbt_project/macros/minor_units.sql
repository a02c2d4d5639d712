{# Converts minor units, such as cents, to major units. Some currencies have no minor unit, others
   divide by 1,000. Stripe's amounts of UGX and ISK have two decimals, although the currencies have
   none. Amounts of HUF and TWD have two too; only their payouts are whole.
   https://docs.stripe.com/currencies#zero-decimal https://docs.stripe.com/currencies#special-cases #}
{% macro major_units(amount, currency) -%}
    {{ try_numeric(amount) }} / case
        when lower({{ currency }}) in (
            'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
        ) then 1
        when lower({{ currency }}) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
        else 100
    end
{%- endmacro %}
