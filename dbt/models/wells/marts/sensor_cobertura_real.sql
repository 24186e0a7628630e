with

registros as (
    select * from {{ ref('int_registros_evaluados') }}
    where motivo is null and numero_equipo is not null
),

lecturas as (
    select * from {{ ref('int_lecturas_por_sensor') }}
),

totales as (
    select
        pozo,
        numero_equipo,
        count(*) as registros_totales
    from registros
    group by pozo, numero_equipo
),

sensores as (
    select distinct
        pozo,
        sensor
    from lecturas
),

-- A sensor of the well that says nothing in a pump's time covers nothing of it.
final as (
    select
        totales.pozo,
        totales.numero_equipo,
        sensores.sensor,
        totales.registros_totales,
        coalesce(lecturas.lecturas_validas, 0) as registros_validos,
        coalesce(lecturas.lecturas_validas, 0) / totales.registros_totales as proporcion_valida,
        coalesce(lecturas.lecturas_validas, 0) >= 0.9 * totales.registros_totales as ok
    from totales
    inner join sensores
        on totales.pozo = sensores.pozo
    left join lecturas
        on
            totales.pozo = lecturas.pozo
            and totales.numero_equipo = lecturas.numero_equipo
            and sensores.sensor = lecturas.sensor
)

select * from final
