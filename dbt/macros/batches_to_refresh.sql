{#-
    Batches whose windows may differ from those of the last build. A corrected file also takes rows
    away: so of every file delivered since, all contents it ever had are looked at, in RAW. Further
    those judged by other limits than the seed has now, and those of the days of a backfill.
-#}
{% macro batches_to_refresh() %}
    select refreshed.batch_id from (
        with

        done as (
            select coalesce(max(_delivery_sequence), -1) as delivery_sequence from {{ this }}
        ),

        deliveries as (
            select
                load_log.delivery_id,
                load_log.file_name,
                load_log.batch_id
            from etl.load_log
            where load_log.source_name = 'bioreactor_files' and load_log.table_name = 'telemetry'
        ),

        contents as (
            select deliveries.batch_id
            from deliveries
            where deliveries.file_name in (
                select news.file_name
                from deliveries as news
                where news.delivery_id > (select done.delivery_sequence from done)
            )
        )

        select {{ clean_text('telemetry.batch_id') }} as batch_id
        from {{ source('bioreactor_files', 'telemetry') }} as telemetry
        where telemetry._batch_id in (select contents.batch_id from contents)
        union
        select judged.batch_id
        from {{ this }} as judged
        left join {{ ref('bioreactor_tag_limits') }} as limits
            on judged.tag = limits.tag
        where
            judged.low_limit is distinct from limits.low_limit
            or judged.high_limit is distinct from limits.high_limit
            or judged.sample_seconds is distinct from limits.sample_seconds
        {%- if var('backfill_from', none) %}
        {%- set first = "cast('" ~ var('backfill_from') ~ "' as date)" %}
        {%- set last = "cast('" ~ var('backfill_to', var('backfill_from')) ~ "' as date)" %}
        union
        select samples.batch_id
        from {{ ref('stg_bioreactor') }} as samples
        where cast(samples.sampled_at as date) between {{ first }} and {{ last }}
        union
        select judged.batch_id
        from {{ this }} as judged
        where cast(judged.window_start as date) between {{ first }} and {{ last }}
        {%- endif %}
    ) as refreshed
{% endmacro %}


{#- Before the windows are written: note the batches to refresh, and take their rows away. -#}
{% macro forget_batches_to_refresh() %}
    {#- Outside the condition: dbt learns what is referred to when nothing is incremental yet. -#}
    {%- set refreshed = batches_to_refresh() -%}
    {%- if is_incremental() -%}
    create or replace table etl.refresh_{{ this.identifier }} as {{ refreshed }};
    delete from {{ this }} where batch_id in ({{ refreshed_batches() }})
    {%- endif -%}
{% endmacro %}


{#- The batches that `forget_batches_to_refresh` noted for this model. -#}
{% macro refreshed_batches() -%}
    {%- do batches_to_refresh() -%}
    select batch_id from etl.refresh_{{ this.identifier }}
{%- endmacro %}


{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}
