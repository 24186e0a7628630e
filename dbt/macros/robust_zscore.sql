{#- Iglewicz and Hoaglin, How to Detect and Handle Outliers (ASQC, 1993). Null where nothing
    varies; less than a billionth of the median is only the noise of adding doubles. -#}
{% macro robust_zscore(value, median, mad, mean_deviation) %}
        case
            when {{ mad }} > 1e-9 * abs({{ median }})
                then 0.6745 * ({{ value }} - {{ median }}) / {{ mad }}
            when {{ mean_deviation }} > 1e-9 * abs({{ median }})
                then ({{ value }} - {{ median }}) / (1.253314 * {{ mean_deviation }})
        end
{%- endmacro %}


{% macro anomalous_points(
    points, newest, min_history, threshold, min_change, comparable='true', change_of=none
) %}
    (
    with

    ranked as (
        select
            series,
            place,
            value,
            row_number() over (partition by series order by place desc) as age
        from {{ points }}
    ),

    compared as (
        select
            judged.series,
            judged.place,
            judged.value,
            earlier.value as value_before,
            median(earlier.value) over (partition by judged.series, judged.place) as median_before
        from ranked as judged
        inner join ranked as earlier
            on judged.series = earlier.series
            and judged.place > earlier.place
            and {{ comparable }}
        where judged.age <= {{ newest }}
    ),

    spread as (
        select
            series,
            place,
            value,
            median_before,
            median(abs(value_before - median_before)) as mad,
            avg(abs(value_before - median_before)) as mean_deviation,
            count(*) as points_before
        from compared
        group by series, place, value, median_before
    ),

    measured as (
        select
            *,
            {{- robust_zscore('value', 'median_before', 'mad', 'mean_deviation') }} as robust_z
        from spread
    )

    select
        series,
        place,
        value,
        median_before,
        robust_z,
        points_before
    from measured
    where
        points_before >= {{ min_history }}
        and coalesce(
            abs(robust_z) > {{ threshold }},
            abs(value - median_before) > {{ min_change }} * {{ change_of or 'abs(median_before)' }}
        )
    )
{%- endmacro %}
