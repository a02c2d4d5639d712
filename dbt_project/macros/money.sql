{# Whether an order is a purchase: it is paid, and its amount is not negative. Orders of 0 and without an
   amount are purchases. A negative amount is a refund, a credit note or a correction. Each metric that counts
   orders or buyers, and each measure of activity, counts purchases. #}
{% macro is_purchase(status, amount) -%}
    coalesce({{ status }} = 'paid' and coalesce({{ amount }}, 0) >= 0, false)
{%- endmacro %}

{# Whether an order gives money back: its status says so, or it is a paid order with a negative amount. #}
{% macro is_refund(status, amount) -%}
    coalesce({{ status }} = 'refunded' or ({{ status }} = 'paid' and {{ amount }} < 0), false)
{%- endmacro %}

{# What an order adds to the revenue of its day: the amount of a purchase, the negative amount of a refund, else
   NULL. A refunded order with a positive amount is the order itself, so it adds nothing. #}
{% macro revenue_of(status, amount) -%}
    case
        when {{ status }} = 'paid' or ({{ status }} = 'refunded' and {{ amount }} < 0) then {{ amount }}
    end
{%- endmacro %}

{# The ISO 4217 code in upper case; NULL for any other text. #}
{% macro currency_code(currency) -%}
    substring(upper(btrim({{ currency }})) from '^[A-Z]{3}$')
{%- endmacro %}
