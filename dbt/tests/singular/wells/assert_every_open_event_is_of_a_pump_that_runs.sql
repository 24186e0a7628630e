select
    eventos.pozo,
    eventos.numero_equipo,
    eventos.tipo_evento,
    eventos.fecha_inicio
from {{ ref('eventos') }} as eventos
anti join {{ ref('equipos') }} as equipos
    on
        eventos.pozo = equipos.pozo
        and eventos.numero_equipo = equipos.numero_equipo
        and equipos.estado_equipo = 'activo'
where
    eventos.fecha_fin is null
    and eventos.numero_equipo is not null
