{% test anomalous_row_count(
    model,
    source_name,
    table_name,
    deliveries=1,
    window=none,
    min_history=14,
    threshold=3.5,
    min_change=0.1
) %}

{{ config(severity='warn') }}

{#- A misspelt source is an error here; in the log it would be one without deliveries. -#}
{%- do source(source_name, table_name) -%}
{%- set load_log = adapter.get_relation(target.database, 'etl', 'load_log') -%}
{%- set comparable = 'judged.place - earlier.place <= ' ~ window if window else 'true' %}

with

deliveries as (
    {% if load_log %}
    select
        delivery_id,
        file_name,
        rows_delivered,
        row_number() over (order by delivery_id) as place
    from {{ load_log }}
    where
        source_name = '{{ source_name }}'
        and table_name = '{{ table_name }}'
        and status = 'loaded'
    {% else %}
    select
        cast(null as bigint) as delivery_id,
        cast(null as varchar) as file_name,
        cast(null as bigint) as rows_delivered,
        cast(null as bigint) as place
    where false
    {% endif %}
),

counts as (
    select
        'rows' as series,
        place,
        cast(rows_delivered as double) as value
    from deliveries
),

anomalous as (
    select * from {{ anomalous_points(
        'counts', deliveries, min_history, threshold, min_change, comparable
    ) }} as points
)

select
    deliveries.file_name as _source_file,
    deliveries.rows_delivered,
    anomalous.median_before,
    round(anomalous.robust_z, 2) as robust_z,
    anomalous.points_before as deliveries_before,
    deliveries.delivery_id
from anomalous
inner join deliveries
    on anomalous.place = deliveries.place

{% endtest %}
