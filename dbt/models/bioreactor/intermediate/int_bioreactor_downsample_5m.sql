{#- Outside the condition, so that dbt sees what it refers to. -#}
{%- set refreshed = refreshed_batches() -%}
with

samples as (
    select * from {{ ref('stg_bioreactor') }}
    where
        batch_id is not null
        and equipment_id is not null
        and tag is not null
        and sampled_at is not null
        and value is not null
        {%- if is_incremental() %}
        and batch_id in ({{ refreshed }})
        {%- endif %}
),

limits as (
    select * from {{ ref('bioreactor_tag_limits') }}
),

spaced as (
    select
        samples.*,
        limits.low_limit,
        limits.high_limit,
        limits.sample_seconds,
        {{ stretch_of(5, 'samples.sampled_at') }} as window_start,
        {{ seconds_between('lag(samples.sampled_at) over series', 'samples.sampled_at') }}
            as seconds_since_last
    from samples
    left join limits
        on samples.tag = limits.tag
    window series as (
        partition by samples.batch_id, samples.equipment_id, samples.tag
        order by samples.sampled_at
    )
),

judged as (
    select
        *,
        coalesce(value not between low_limit and high_limit, false) as is_out_of_range,
        coalesce(seconds_since_last > 2 * sample_seconds, false) as is_after_gap
    from spaced
),

-- Sums are taken in the order of time: floating point would give other last digits in another one.
final as (
    select
        batch_id,
        min(site) as site,
        equipment_id,
        tag,
        window_start,
        count(*) as samples,
        avg(value {{ added_in_order_of('sampled_at') }}) as mean_value,
        var_pop(value {{ added_in_order_of('sampled_at') }}) * count(*) as squared_deviations,
        min(value) as min_value,
        max(value) as max_value,
        {{ value_of_last('value', 'sampled_at') }} as last_value,
        min(sampled_at) as first_sampled_at,
        max(sampled_at) as last_sampled_at,
        count(*) filter (where is_out_of_range) as out_of_range_samples,
        count(*) filter (where is_after_gap) as gaps,
        cast(
            coalesce(
                sum(round(seconds_since_last / sample_seconds) - 1) filter (where is_after_gap), 0
            ) as bigint
        ) as missed_samples,
        low_limit,
        high_limit,
        sample_seconds,
        max(_delivery_sequence) as _delivery_sequence
    from judged
    group by
        batch_id, equipment_id, tag, window_start, low_limit, high_limit, sample_seconds
)

select * from final
