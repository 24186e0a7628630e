{% test anomalous_null_share(
    model,
    source_name,
    table_name,
    columns,
    batches=1,
    window=none,
    min_history=14,
    threshold=3.5,
    min_change=0.01
) %}

{{ config(severity='warn') }}

{%- set delivered = load_relation(source(source_name, table_name)) -%}
{%- set watched = [columns] if columns is string else columns -%}
{%- set comparable = 'judged.place - earlier.place <= ' ~ window if window else 'true' %}

with

batches as (
    {% if delivered %}
    select
        _batch_id,
        min(_source_file) as _source_file,
        count(*) as n_rows,
        {%- for column in watched %}
        1 - count({{ adapter.quote(column) }}) / count(*) as null_share_{{ loop.index }},
        {%- endfor %}
        row_number() over (order by max(_extracted_at), _batch_id) as place
    from {{ delivered }}
    group by _batch_id
    {% else %}
    select
        cast(null as varchar) as _batch_id,
        cast(null as varchar) as _source_file,
        cast(null as bigint) as n_rows,
        {%- for column in watched %}
        cast(null as double) as null_share_{{ loop.index }},
        {%- endfor %}
        cast(null as bigint) as place
    where false
    {% endif %}
),

shares as (
    {% for column in watched %}
    select
        '{{ column }}' as series,
        place,
        null_share_{{ loop.index }} as value
    from batches
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

anomalous as (
    select * from {{ anomalous_points(
        'shares', batches, min_history, threshold, min_change, comparable, change_of=1
    ) }} as points
)

select
    batches._source_file,
    anomalous.series as column_name,
    anomalous.value as null_share,
    anomalous.median_before,
    round(anomalous.robust_z, 2) as robust_z,
    anomalous.points_before as batches_before,
    batches.n_rows,
    batches._batch_id
from anomalous
inner join batches
    on anomalous.place = batches.place

{% endtest %}
