with

equipos as (
    select * from {{ ref('stg_equipos') }}
    where motivo is null
),

cambios as (
    select
        pozo,
        fecha_entrada as desde
    from equipos
    union
    select
        pozo,
        fecha_salida as desde
    from equipos
    where fecha_salida is not null
),

tramos as (
    select
        pozo,
        desde,
        lead(desde, 1, timestamp '9999-12-31 00:00:00') over (
            partition by pozo order by desde
        ) as hasta
    from cambios
),

-- Of pumps that say they run at the same time, the one that came last.
final as (
    select
        tramos.pozo,
        tramos.desde,
        tramos.hasta,
        arg_max(equipos.numero_equipo, equipos.fecha_entrada) as numero_equipo,
        count(distinct equipos.numero_equipo) as equipos_a_la_vez
    from tramos
    left join equipos
        on
            tramos.pozo = equipos.pozo
            and tramos.desde >= equipos.fecha_entrada
            and (tramos.desde < equipos.fecha_salida or equipos.fecha_salida is null)
    group by tramos.pozo, tramos.desde, tramos.hasta
)

select * from final
