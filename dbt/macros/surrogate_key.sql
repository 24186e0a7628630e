{#- Hash of a natural key, the same on every run; a missing part is not the same as an empty one. -#}
{% macro surrogate_key(columns) -%}
    {%- set missing = adapter.dispatch('text_as_written')('\\x00') -%}
    md5(concat_ws('|'
    {%- for column in columns %}, coalesce({{ dbt.cast(column, 'varchar') | trim }}, {{ missing }})
    {%- endfor %}))
{%- endmacro %}


{% macro duckdb__text_as_written(text) -%}
    '{{ text }}'
{%- endmacro %}

{#- Without the r, a backslash has a meaning there. -#}
{% macro spark__text_as_written(text) -%}
    r'{{ text }}'
{%- endmacro %}
