{#-
    Rows with a column for each sensor as a row for each value: whatever columns the relation has
    when it is read, but for those of `fixed`. The column without values keeps a table without any
    sensor readable; rows of it do not come out, as no empty value does.
-#}
{% macro long_readings(relation, fixed) -%}
    {{ adapter.dispatch('long_readings')(relation, fixed) }}
{%- endmacro %}

{% macro duckdb__long_readings(relation, fixed) -%}
    (
        unpivot (select *, cast(null as varchar) as _no_sensor from {{ relation }})
        on columns(lambda name: name not in ('{{ fixed | join("', '") }}'))
        into name sensor value texto
    )
{%- endmacro %}

{#- Spark's own unpivot wants the names of the columns, a variant brings them along. -#}
{% macro spark__long_readings(relation, fixed) -%}
    (
        select
            {%- for column in fixed %}
            wide.{{ column }},
            {%- endfor %}
            reading.key as sensor,
            cast(reading.value as string) as texto
        from (
            select
                {{ fixed | join(', ') }},
                to_variant_object(struct(* except ({{ fixed | join(', ') }}))) as sensors
            from (select *, cast(null as string) as _no_sensor from {{ relation }}) as delivered
        ) as wide, lateral variant_explode(wide.sensors) as reading
        where not is_variant_null(reading.value)
    )
{%- endmacro %}
