select
    batch_id,
    equipment_id,
    tag,
    first_sampled_at as resumed_before,
    missed_samples
from {{ ref('int_bioreactor_downsample_5m') }}
where gaps > 0
