select
    batch_id,
    equipment_id,
    tag,
    ts,
    count(*) as n_rows,
    min(value) as lowest,
    max(value) as highest,
    string_agg(distinct _source_file, ', ' order by _source_file) as files
from {{ current_rows('bioreactor_files', 'telemetry') }}
group by batch_id, equipment_id, tag, ts
having count(distinct value) > 1
