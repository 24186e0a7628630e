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
        {{ moments_from(
            date_trunc('day', 'inicio'), 'fin - interval 1 microsecond', 'interval 1 day'
        ) }} as dia
    from {{ ref('int_paros_unidos') }}
),

eventos as (
    select * from {{ ref('eventos') }}
),

por_sensor as (
    select
        pozo,
        numero_equipo,
        {{ date_trunc('day', 'ts') }} as dia,
        sensor,
        -- The last digits depend on the order of the sum, and half a hundredth on them.
        {{ rounded('avg(valor)', 6) }} as promedio,
        min(valor) as minimo,
        max(valor) as maximo
    from lecturas
    group by all
),

escritos as (
    select
        pozo,
        numero_equipo,
        dia,
        sensor,
        sensor || ' ' || {{ text_with_digits('promedio', 2) }}
        || ' (' || {{ text_with_digits('minimo', 2) }}
        || ' a ' || {{ text_with_digits('maximo', 2) }} || ')' as texto
    from por_sensor
),

por_dia as (
    select
        pozo,
        numero_equipo,
        dia,
        {{ listagg('texto', "'; '", 'order by sensor') }} as sensores
    from escritos
    group by pozo, numero_equipo, dia
),

horas as (
    select
        pozo,
        dia,
        sum({{ microseconds_between('greatest(inicio, dia)', 'least(fin, dia + interval 1 day)') }})
        / 3.6e9 as horas_paro
    from paros
    group by pozo, dia
),

causas as (
    select
        horas.pozo,
        horas.dia,
        {{ listagg(
            "distinct concat_ws(', ', eventos.tipo_evento, eventos.descripcion)",
            "'; '",
            "order by concat_ws(', ', eventos.tipo_evento, eventos.descripcion)"
        ) }} as tipos
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
        'Pozo ' || por_dia.pozo
        || ', equipo ' || por_dia.numero_equipo
        || ', ' || {{ cast('cast(por_dia.dia as date)', 'varchar') | trim }}
        || '. ' || por_dia.sensores || '. '
        || case
            when horas.horas_paro is null then 'Sin paros'
            else
                'Parado ' || {{ text_with_digits('horas.horas_paro', 1) }}
                || ' h (' || coalesce(causas.tipos, '') || ')'
        end || '.' as text,  -- noqa: RF04
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
