-- One row for each well and sensor: a well without its file of pumps has millions of readings.
{{ config(fail_calc='coalesce(sum(lecturas), 0)') }}

select
    pozo,
    sensor,
    count(*) as lecturas,
    min(ts) as desde,
    max(ts) as hasta
from {{ ref('lecturas') }}
where numero_equipo is null
group by pozo, sensor
