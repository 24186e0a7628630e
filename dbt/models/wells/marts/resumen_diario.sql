with

lecturas as (
    select * from {{ ref('lecturas') }}
    where numero_equipo is not null
),

paros as (
    select
        pozo,
        inicio,
        fin,
        unnest(generate_series(
            date_trunc('day', inicio), fin - interval 1 microsecond, interval 1 day
        )) as dia
    from {{ ref('int_paros_unidos') }}
),

eventos as (
    select * from {{ ref('eventos') }}
),

por_sensor as (
    select
        pozo,
        numero_equipo,
        date_trunc('day', ts) as dia,
        sensor,
        -- The last digits depend on the order of the sum, and half a hundredth on them.
        round(avg(valor), 6) as promedio,
        min(valor) as minimo,
        max(valor) as maximo
    from lecturas
    group by all
),

por_dia as (
    select
        pozo,
        numero_equipo,
        dia,
        string_agg(
            format('{} {:.2f} ({:.2f} a {:.2f})', sensor, promedio, minimo, maximo), '; '
            order by sensor
        ) as sensores
    from por_sensor
    group by pozo, numero_equipo, dia
),

horas as (
    select
        pozo,
        dia,
        sum(date_diff('microsecond', greatest(inicio, dia), least(fin, dia + interval 1 day)))
        / 3.6e9 as horas_paro
    from paros
    group by pozo, dia
),

causas as (
    select
        horas.pozo,
        horas.dia,
        string_agg(
            distinct concat_ws(', ', eventos.tipo_evento, eventos.descripcion), '; '
            order by concat_ws(', ', eventos.tipo_evento, eventos.descripcion)
        ) as tipos
    from horas
    inner join eventos
        on
            horas.pozo = eventos.pozo
            and horas.dia + interval 1 day > eventos.fecha_inicio
            and (horas.dia < eventos.fecha_fin or eventos.fecha_fin is null)
    group by horas.pozo, horas.dia
),

final as (
    select
        {{ surrogate_key(['por_dia.pozo', 'por_dia.numero_equipo', 'cast(por_dia.dia as date)']) }}
            as id,
        format(
            'Pozo {}, equipo {}, {}. {}. {}.',
            por_dia.pozo,
            por_dia.numero_equipo,
            strftime(por_dia.dia, '%Y-%m-%d'),
            por_dia.sensores,
            case
                when horas.horas_paro is null then 'Sin paros'
                else format('Parado {:.1f} h ({})', horas.horas_paro, coalesce(causas.tipos, ''))
            end
        ) as text,  -- noqa: RF04
        por_dia.pozo,
        por_dia.numero_equipo,
        cast(por_dia.dia as date) as fecha
    from por_dia
    left join horas
        on por_dia.pozo = horas.pozo and por_dia.dia = horas.dia
    left join causas
        on por_dia.pozo = causas.pozo and por_dia.dia = causas.dia
)

select * from final
