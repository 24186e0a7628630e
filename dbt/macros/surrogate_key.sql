{#- Hash of a natural key, the same on every run; a missing part is not the same as an empty one. -#}
{% macro surrogate_key(columns) -%}
    md5(concat_ws('|'
    {%- for column in columns %}, coalesce(cast({{ column }} as varchar), '\x00')
    {%- endfor %}))
{%- endmacro %}
