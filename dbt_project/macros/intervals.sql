{# A bound of Wilson's 95 % score interval for a share: Wilson (1927), J. Am. Stat. Assoc. 22,
   209-212. `sign` is + for the upper and - for the lower bound. #}
{% macro wilson(part, whole, sign) -%}
    (2 * {{ part }} + 3.841458821 {{ sign }} 1.959963985 * sqrt(
        3.841458821 + 4 * {{ part }} * (1 - {{ part }}::double precision / nullif({{ whole }}, 0))
    )) / (2 * ({{ whole }} + 3.841458821))
{%- endmacro %}

{# When a difference of two shares is shown: at least this many people on either side, and a 95 % interval that
   reaches at most this far to either side. #}
{% macro fewest_people() -%} 30 {%- endmacro %}

{% macro widest_half() -%} 0.15 {%- endmacro %}

{# How many people a share needs for its part of that interval, by its value so far (Agresti and Coull 1998 for
   few people). Both sides contribute equally, so each may reach 0.15 / sqrt(2). #}
{% macro people_for_a_share(part, whole) -%}
    greatest({{ fewest_people() }}, ceil(
        3.841458821 * ({{ part }} + 2)::double precision / ({{ whole }} + 4)
        * (1 - ({{ part }} + 2)::double precision / ({{ whole }} + 4)) / power({{ widest_half() }} / sqrt(2), 2)
    ))::integer
{%- endmacro %}
