{#-
    Batch and time of the delivery that a table of load snapshot had at the point asked for; of the
    same content several times in a row the first, with which that state began.
-#}
{% macro delivery_as_of(source_name, table_name) %}
    {%- set as_of = fromjson(env_var('ALJIBE_AS_OF_DELIVERY', '{}')).get(source_name ~ '.' ~ table_name) -%}
        select
            load_log.batch_id,
            load_log.delivery_id,
            load_log.started_at as delivered_at
        from etl.load_log
        where
            load_log.source_name = '{{ source_name }}'
            and load_log.table_name = '{{ table_name }}'
    {%- if as_of is not none %}
            and load_log.status <> 'quarantined'
            and load_log.delivery_id <= {{ as_of | int }}
        order by load_log.delivery_id desc
        limit 1
    {%- else %}
            and load_log.delivery_id in (
                select current_batches.sequence
                from etl.current_batches
                where
                    current_batches.source_name = '{{ source_name }}'
                    and current_batches.table_name = '{{ table_name }}'
            )
    {%- endif -%}
{% endmacro %}


{% macro rows_as_of(source_name, table_name) %}
    {#- Resolved before anything else: the dependency is captured at parse time. -#}
    {%- set relation = source(source_name, table_name) -%}
    {%- if model.resource_type == 'unit_test' or not execute -%}
        (
        select
            *,
            cast(null as bigint) as _delivery_sequence,
            cast(null as timestamp with time zone) as _delivered_at
        from {{ relation }}
        )
    {%- else -%}
        {%- do assert_snapshot_load(source_name, table_name) -%}
        (
        select
            delivered.*,
            delivery.delivery_id as _delivery_sequence,
            delivery.delivered_at as _delivered_at
        from {{ relation }} as delivered
        inner join (
            {{ delivery_as_of(source_name, table_name) }}
        ) as delivery
            on delivered._batch_id = delivery.batch_id
        )
    {%- endif -%}
{% endmacro %}


{#- Of another load no single delivery holds the whole table. -#}
{% macro assert_snapshot_load(source_name, table_name) %}
    {%- set node = graph.sources.values()
        | selectattr('source_name', 'equalto', source_name)
        | selectattr('name', 'equalto', table_name)
        | first -%}
    {%- if node.config.meta.load != 'snapshot' -%}
        {{ exceptions.raise_compiler_error(
            node.original_file_path ~ ': source ' ~ source_name ~ ', table ' ~ table_name
            ~ ", field config.meta.load: is '" ~ node.config.meta.load
            ~ "', rows_as_of needs snapshot. Read the table with current_rows."
        ) }}
    {%- endif -%}
{% endmacro %}


{#- A snapshot that names its table takes the time of the delivery, also for rows that are gone. -#}
{% macro duckdb__snapshot_get_time() -%}
    {%- set delivered_by = (model.config.meta or {}).get('delivered_by') -%}
    {%- if delivered_by -%}
        (
            select delivery.delivered_at from (
                {{ delivery_as_of(delivered_by.source, delivered_by.table) }}
            ) as delivery
        )
    {%- else -%}
        {{ current_timestamp() }}::timestamp
    {%- endif -%}
{%- endmacro %}
