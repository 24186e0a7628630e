with

equipos as (
    select * from {{ ref('stg_equipos') }}
    where motivo is null
),

final as (
    select
        pozo,
        numero_equipo,
        modelo_bomba,
        marca_bomba,
        modelo_motor,
        fecha_entrada,
        fecha_salida,
        case when fecha_salida is null then 'activo' else 'inactivo' end as estado_equipo
    from equipos
)

select * from final
