{% macro lower_name(column_name) %}lower(trim({{ column_name }})){% endmacro %}
