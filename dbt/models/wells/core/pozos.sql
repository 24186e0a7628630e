with

equipos as (
    select * from {{ ref('equipos') }}
),

registros as (
    select distinct pozo from {{ ref('int_registros_evaluados') }}
),

nombrados as (
    select pozo from equipos
    union
    select pozo from registros
    union
    select pozo from {{ ref('eventos') }}
),

final as (
    select
        nombrados.pozo,
        min(equipos.fecha_entrada) as fecha_entrada,
        max(equipos.fecha_salida) as ultima_salida,
        case
            when bool_or(equipos.estado_equipo = 'activo') then 'activo' else 'inactivo'
        end as estado_actual,
        cast(count(distinct equipos.numero_equipo) as integer) as cantidad_equipos
    from nombrados
    left join equipos
        on nombrados.pozo = equipos.pozo
    group by nombrados.pozo
)

select * from final
