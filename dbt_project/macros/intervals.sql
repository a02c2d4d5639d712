{# Wilson's score interval of a share at 95 %: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212. #}
{% macro wilson(part, whole, sign) -%}
    (2 * {{ part }} + 3.841458821 {{ sign }} 1.959963985 * sqrt(
        3.841458821 + 4 * {{ part }} * (1 - {{ part }}::double precision / nullif({{ whole }}, 0))
    )) / (2 * ({{ whole }} + 3.841458821))
{%- endmacro %}
