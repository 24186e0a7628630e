{#- Key of the day of a moment in dim_date: yyyymmdd as an integer. -#}
{% macro date_key(moment) -%}
    cast(strftime({{ moment }}, '%Y%m%d') as integer)
{%- endmacro %}
