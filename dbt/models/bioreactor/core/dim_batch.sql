with

windows as (
    select * from {{ ref('int_bioreactor_downsample_5m') }}
),

final as (
    select
        batch_id,
        min(site) as site,
        {{ value_of_first('equipment_id', ['first_sampled_at', 'equipment_id']) }} as equipment_id,
        count(distinct equipment_id) as equipment_used,
        count(distinct tag) as tags,
        min(first_sampled_at) as started_at,
        max(last_sampled_at) as last_sampled_at
    from windows
    group by batch_id
)

select * from final
