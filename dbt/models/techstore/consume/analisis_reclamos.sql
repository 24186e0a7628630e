with

reclamos as (
    select
        coalesce(tipo, 'sin informar') as tipo,
        coalesce(prioridad, 'sin informar') as prioridad,
        coalesce(estado in ('resuelto', 'cerrado'), false) as esta_resuelto
    from {{ ref('stg_reclamos') }}
),

final as (
    select
        tipo,
        prioridad,
        cast(count(*) as integer) as cantidad,
        cast(count(case when esta_resuelto then 1 end) as integer) as resueltos,
        cast(count(case when not esta_resuelto then 1 end) as integer) as abiertos,
        cast(
            round(100.0 * count(case when esta_resuelto then 1 end) / count(*), 2)
            as decimal(5, 2)
        ) as pct_resolucion
    from reclamos
    group by tipo, prioridad
)

select * from final
