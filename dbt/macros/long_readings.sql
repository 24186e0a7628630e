{#-
    Rows with a column for each sensor as a row for each value: whatever columns the relation has
    when it is read, but for those of `fixed`. The column without values keeps a table without any
    sensor readable; rows of it do not come out, as no empty value does.
-#}
{% macro long_readings(relation, fixed) -%}
    (
        unpivot (select *, cast(null as varchar) as _no_sensor from {{ relation }})
        on columns(lambda name: name not in ('{{ fixed | join("', '") }}'))
        into name sensor value texto
    )
{%- endmacro %}
