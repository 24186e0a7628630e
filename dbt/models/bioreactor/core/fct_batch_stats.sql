with

windows as (
    select * from {{ ref('int_bioreactor_downsample_5m') }}
),

limits as (
    select * from {{ ref('bioreactor_tag_limits') }}
),

means as (
    select
        batch_id,
        tag,
        sum(samples) as samples,
        sum(samples * mean_value {{ added_in_order_of('window_start, equipment_id') }})
        / sum(samples) as mean_value
    from windows
    group by batch_id, tag
),

-- The windows' squared deviations add up, with those of their means (Chan, Golub, LeVeque 1979).
totals as (
    select
        windows.batch_id,
        windows.tag,
        cast(means.samples as bigint) as samples,
        means.mean_value,
        sum(
            windows.squared_deviations
            + windows.samples * power(windows.mean_value - means.mean_value, 2)
            {{ added_in_order_of('windows.window_start, windows.equipment_id') }}
        ) as squared_deviations,
        min(windows.min_value) as min_value,
        max(windows.max_value) as max_value,
        {{ value_of_last(
            'windows.last_value', ['windows.last_sampled_at', 'windows.equipment_id']
        ) }} as last_value,
        min(windows.first_sampled_at) as first_sampled_at,
        max(windows.last_sampled_at) as last_sampled_at,
        cast(sum(windows.out_of_range_samples) as bigint) as out_of_range_samples,
        cast(sum(windows.gaps) as bigint) as gaps,
        cast(sum(windows.missed_samples) as bigint) as missed_samples,
        -- Of a single moment there is no slope: it would be NaN, which is greater than any limit.
        case
            when min(windows.window_start) < max(windows.window_start)
                then
                    regr_slope(
                        windows.mean_value, {{ epoch_seconds('windows.window_start') }} / 3600
                        {{ added_in_order_of('windows.window_start, windows.equipment_id') }}
                    )
        end as slope_per_hour
    from windows
    inner join means
        on windows.batch_id = means.batch_id and windows.tag = means.tag
    group by windows.batch_id, windows.tag, means.samples, means.mean_value
),

final as (
    select
        totals.batch_id,
        totals.tag,
        limits.unit,
        totals.samples,
        totals.mean_value,
        case when totals.samples > 1 then sqrt(totals.squared_deviations / (totals.samples - 1)) end
            as sd_value,
        totals.min_value,
        totals.max_value,
        totals.last_value,
        totals.first_sampled_at,
        totals.last_sampled_at,
        totals.out_of_range_samples,
        totals.gaps,
        totals.missed_samples,
        totals.slope_per_hour,
        coalesce(abs(totals.slope_per_hour) > limits.drift_limit_per_hour, false) as is_drifting
    from totals
    left join limits
        on totals.tag = limits.tag
)

select * from final
