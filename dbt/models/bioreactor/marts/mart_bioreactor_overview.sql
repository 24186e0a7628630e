with

batches as (
    select * from {{ ref('dim_batch') }}
),

stats as (
    select * from {{ ref('fct_batch_stats') }}
),

by_batch as (
    select
        batch_id,
        cast(sum(samples) as bigint) as samples,
        cast(sum(missed_samples) as bigint) as missed_samples,
        cast(sum(gaps) as bigint) as gaps,
        cast(sum(out_of_range_samples) as bigint) as out_of_range_samples,
        {{ listagg('tag', "', '", 'order by tag') }} filter (where out_of_range_samples > 0)
            as out_of_range_tags,
        {{ listagg('tag', "', '", 'order by tag') }} filter (where is_drifting)
            as drifting_tags,
        max(mean_value) filter (where tag = 'pH') as ph_mean,
        max(last_value) filter (where tag = 'pH') as ph_last,
        max(mean_value) filter (where tag = 'DO') as do_mean_pct,
        max(last_value) filter (where tag = 'DO') as do_last_pct,
        max(mean_value) filter (where tag = 'Temp') as temp_mean_degc,
        max(last_value) filter (where tag = 'Temp') as temp_last_degc,
        max(mean_value) filter (where tag = 'Agitation') as agitation_mean_rpm,
        max(last_value) filter (where tag = 'Agitation') as agitation_last_rpm,
        max(mean_value) filter (where tag = 'Glucose') as glucose_mean_g_per_l,
        max(last_value) filter (where tag = 'Glucose') as glucose_last_g_per_l
    from stats
    group by batch_id
),

final as (
    select
        batches.batch_id,
        batches.site,
        batches.equipment_id,
        batches.started_at,
        batches.last_sampled_at as last_seen_at,
        {{ second_marks_between('batches.started_at', 'batches.last_sampled_at') }} / 60
            as duration_minutes,
        batches.tags,
        by_batch.samples,
        by_batch.missed_samples,
        by_batch.gaps,
        by_batch.out_of_range_samples,
        by_batch.out_of_range_samples / by_batch.samples as out_of_range_share,
        by_batch.out_of_range_tags,
        by_batch.drifting_tags,
        by_batch.ph_mean,
        by_batch.ph_last,
        by_batch.do_mean_pct,
        by_batch.do_last_pct,
        by_batch.temp_mean_degc,
        by_batch.temp_last_degc,
        by_batch.agitation_mean_rpm,
        by_batch.agitation_last_rpm,
        by_batch.glucose_mean_g_per_l,
        by_batch.glucose_last_g_per_l
    from batches
    inner join by_batch
        on batches.batch_id = by_batch.batch_id
)

select * from final
