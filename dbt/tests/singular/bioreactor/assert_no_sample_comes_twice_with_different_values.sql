with

samples as (
    select
        {{ clean_text('batch_id') }} as batch_id,
        {{ clean_text('equipment_id') }} as equipment_id,
        {{ clean_text('tag') }} as tag,
        ts,
        value,
        _source_file
    from {{ current_rows('bioreactor_files', 'telemetry') }}
)

select
    batch_id,
    equipment_id,
    tag,
    ts,
    count(*) as n_rows,
    min(value) as lowest,
    max(value) as highest,
    {{ listagg('distinct _source_file', "', '", 'order by _source_file') }} as files
from samples
group by batch_id, equipment_id, tag, ts
having count(distinct value) > 1
