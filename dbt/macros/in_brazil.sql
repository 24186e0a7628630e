{#- Whether a point lies in the box around Brazil, whose corners are its outermost points. -#}
{% macro in_brazil(latitude='latitude', longitude='longitude') -%}
    {{ latitude }} between -33.76 and 5.28 and {{ longitude }} between -73.99 and -34.79
{%- endmacro %}
