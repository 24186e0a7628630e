{% macro current_rows(source_name, table_name) %}
    {#- Resolved before anything else: the dependency is captured at parse time. -#}
    {%- set relation = source(source_name, table_name) -%}
    {%- if model.resource_type == 'unit_test' or not execute -%}
        (select *, cast(null as bigint) as _delivery_sequence from {{ relation }})
    {%- else -%}
        {%- set key = current_rows_key(source_name, table_name) -%}
        (
        select
            delivered.*,
            current_batches.sequence as _delivery_sequence
        from {{ relation }} as delivered
        inner join (
            select
                batch_id,
                max(sequence) as sequence
            from etl.current_batches
            where source_name = '{{ source_name }}' and table_name = '{{ table_name }}'
            group by batch_id
        ) as current_batches
            on delivered._batch_id = current_batches.batch_id
        {%- if key %}
        qualify rank() over (
            partition by
                {%- for column in key %} delivered.{{ adapter.quote(column) }}{{ ',' if not loop.last }}
                {%- endfor %}
            order by current_batches.sequence desc
        ) = 1
        {%- endif %}
        )
    {%- endif -%}
{% endmacro %}


{#- The key by which a newer batch replaces rows of older ones; empty: the batches decide alone. -#}
{% macro current_rows_key(source_name, table_name) %}
    {%- set node = graph.sources.values()
        | selectattr('source_name', 'equalto', source_name)
        | selectattr('name', 'equalto', table_name)
        | first -%}
    {%- set meta = node.config.meta -%}
    {%- set where = node.original_file_path ~ ': source ' ~ source_name ~ ', table ' ~ table_name -%}
    {%- set loads = ['append', 'snapshot', 'incremental'] -%}
    {%- if meta.load not in loads -%}
        {{ exceptions.raise_compiler_error(
            where ~ ", field config.meta.load: "
            ~ ("is '" ~ meta.load ~ "'" if meta.load else "is missing")
            ~ ", must be one of " ~ loads | join(', ') ~ "."
        ) }}
    {%- endif -%}
    {%- if meta.load != 'incremental' -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if not meta.key or meta.key is string -%}
        {{ exceptions.raise_compiler_error(
            where ~ ", field config.meta.key: load incremental needs a list of columns."
        ) }}
    {%- endif -%}
    {{ return(meta.key) }}
{% endmacro %}
