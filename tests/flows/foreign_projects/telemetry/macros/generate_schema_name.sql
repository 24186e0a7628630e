{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else 'analytics_' ~ custom_schema_name }}
{%- endmacro %}
