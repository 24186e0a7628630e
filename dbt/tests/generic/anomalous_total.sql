{% test anomalous_total(
    model,
    column,
    date_column,
    days=7,
    season_days=7,
    window_days=none,
    min_history=14,
    threshold=3.5,
    min_change=0.1
) %}

{{ config(severity='warn') }}

{%- set days_between = "date_diff('day', earlier.place, judged.place)" -%}
{%- set in_window = ' and ' ~ days_between ~ ' <= ' ~ window_days if window_days else '' -%}
{%- set comparable = days_between ~ ' % ' ~ season_days ~ ' = 0' ~ in_window %}

with

dated as (
    select
        cast({{ adapter.quote(date_column) }} as date) as place,
        {{ adapter.quote(column) }} as value
    from {{ model }}
),

totals as (
    select
        'total' as series,
        place,
        coalesce(cast(sum(value) as double), 0) as value
    from dated
    where place is not null
    group by place
),

anomalous as (
    select * from {{ anomalous_points(
        'totals', days, min_history, threshold, min_change, comparable
    ) }} as points
)

select
    place as day,
    value as total,
    median_before,
    round(robust_z, 2) as robust_z,
    points_before as days_before
from anomalous

{% endtest %}
