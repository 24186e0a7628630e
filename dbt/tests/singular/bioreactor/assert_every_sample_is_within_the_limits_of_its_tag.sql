select
    samples.batch_id,
    samples.equipment_id,
    samples.tag,
    samples.sampled_at,
    samples.value,
    limits.low_limit,
    limits.high_limit,
    limits.unit,
    samples._source_file
from {{ ref('stg_bioreactor') }} as samples
inner join {{ ref('bioreactor_tag_limits') }} as limits
    on samples.tag = limits.tag
where samples.value not between limits.low_limit and limits.high_limit
