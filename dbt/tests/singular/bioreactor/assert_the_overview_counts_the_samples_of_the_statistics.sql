with

counted as (
    select
        batch_id,
        sum(samples) as samples,
        sum(gaps) as gaps,
        max(last_sampled_at) as last_seen_at
    from {{ ref('fct_batch_stats') }}
    group by batch_id
),

shown as (
    select
        batch_id,
        samples,
        gaps,
        last_seen_at
    from {{ ref('mart_bioreactor_overview') }}
)

select
    coalesce(counted.batch_id, shown.batch_id) as batch_id,
    counted.samples as samples_of_statistics,
    shown.samples as samples_of_overview
from counted
full outer join shown
    on counted.batch_id = shown.batch_id
where
    counted.samples is distinct from shown.samples
    or counted.gaps is distinct from shown.gaps
    or counted.last_seen_at is distinct from shown.last_seen_at
