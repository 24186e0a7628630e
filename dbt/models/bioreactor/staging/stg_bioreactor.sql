with

telemetry as (
    select * from {{ current_rows('bioreactor_files', 'telemetry') }}
),

renamed as (
    select
        {{ clean_text('batch_id') }} as batch_id,
        {{ clean_text('site') }} as site,
        {{ clean_text('equipment_id') }} as equipment_id,
        ts as sampled_at,
        {{ clean_text('tag') }} as tag,
        case when {{ is_finite('value') }} then value end as value,  -- noqa: RF04
        _batch_id,
        _extracted_at,
        _source_file,
        _delivery_sequence
    from telemetry
),

-- Where two files bring the same sample, the one delivered last counts.
final as (
    select * from renamed
    qualify row_number() over (
        partition by batch_id, equipment_id, tag, sampled_at
        order by _delivery_sequence desc, _batch_id asc, value asc nulls last
    ) = 1
)

select * from final
