{#- Five digits of a CEP as text; zeros that a spreadsheet took away come back. -#}
{% macro zip_prefix(column) -%}
    lpad(
        nullif(trim({{ column }}), ''),
        cast(greatest(5, length(trim({{ column }}))) as integer),
        '0'
    )
{%- endmacro %}
