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
ocupados as (
    select
        tramos.pozo,
        tramos.desde,
        tramos.hasta,
        {{ value_of_last(
            'equipos.numero_equipo',
            ['equipos.fecha_entrada', 'equipos._source_line', 'equipos.numero_equipo']
        ) }} as numero_equipo,
        count(distinct equipos.numero_equipo) as equipos_a_la_vez
    from tramos
    left join equipos
        on
            tramos.pozo = equipos.pozo
            and tramos.desde >= equipos.fecha_entrada
            and (tramos.desde < equipos.fecha_salida or equipos.fecha_salida is null)
    group by tramos.pozo, tramos.desde, tramos.hasta
),

numerados as (
    select
        *,
        row_number() over (partition by pozo order by desde)
        - row_number() over (partition by pozo, numero_equipo order by desde) as estadia
    from ocupados
),

-- A pump that stays while another one comes late off the list has one period, not two.
final as (
    select
        pozo,
        min(desde) as desde,
        max(hasta) as hasta,
        numero_equipo,
        max(equipos_a_la_vez) as equipos_a_la_vez
    from numerados
    group by pozo, numero_equipo, estadia
)

select * from final
