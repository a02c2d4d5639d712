{# A bound of Wilson's 95 % score interval for a share: Wilson (1927), J. Am. Stat. Assoc. 22,
   209-212. `sign` is + for the upper and - for the lower bound. #}
{% macro wilson(part, whole, sign) -%}
    (2 * {{ part }} + 3.841458821 {{ sign }} 1.959963985 * sqrt(
        3.841458821 + 4 * {{ part }} * (1 - {{ part }}::double precision / nullif({{ whole }}, 0))
    )) / (2 * ({{ whole }} + 3.841458821))
{%- endmacro %}
