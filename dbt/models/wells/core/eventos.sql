with

eventos as (
    select * from {{ ref('stg_eventos') }}
    where motivo is null
),

periodos as (
    select * from {{ ref('int_periodos_equipo') }}
),

final as (
    select
        eventos.pozo,
        periodos.numero_equipo,
        eventos.tipo_evento,
        eventos.descripcion,
        eventos.fecha_inicio,
        eventos.fecha_fin,
        eventos.comentario
    from eventos
    left join periodos
        on
            eventos.pozo = periodos.pozo
            and eventos.fecha_inicio >= periodos.desde
            and eventos.fecha_inicio < periodos.hasta
)

select * from final
