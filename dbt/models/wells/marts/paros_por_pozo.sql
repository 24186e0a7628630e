with

paros as (
    select * from {{ ref('int_paros_unidos') }}
),

registros as (
    select
        pozo,
        min(ts) as primero,
        max(ts) as ultimo
    from {{ ref('int_registros_evaluados') }}
    where motivo is null
    group by pozo
),

limites as (
    select
        pozo,
        primero as desde,
        ultimo as hasta
    from registros
    union all
    select
        pozo,
        fecha_entrada as desde,
        coalesce(fecha_salida, fecha_entrada) as hasta
    from {{ ref('equipos') }}
    union all
    select
        pozo,
        inicio as desde,
        fin as hasta
    from paros
),

observados as (
    select
        pozo,
        min(desde) as desde,
        max(hasta) as hasta
    from limites
    group by pozo
),

meses as (
    select
        pozo,
        desde,
        hasta,
        {{ moments_from(
            date_trunc('month', 'desde'), 'hasta - interval 1 microsecond', 'interval 1 month'
        ) }} as mes
    from observados
    where hasta > desde
),

final as (
    select
        meses.pozo,
        cast(meses.mes as date) as mes,
        {{ microseconds_between(
            'greatest(meses.mes, meses.desde)',
            'least(meses.mes + interval 1 month, meses.hasta)'
        ) }} / 3.6e9 as horas_periodo,
        coalesce(sum({{ microseconds_between(
            'greatest(meses.mes, paros.inicio)',
            'least(meses.mes + interval 1 month, paros.fin)'
        ) }}) filter (where paros.pozo is not null), 0) / 3.6e9 as horas_paro,
        1 - horas_paro / horas_periodo as disponibilidad
    from meses
    left join paros
        on
            meses.pozo = paros.pozo
            and meses.mes + interval 1 month > paros.inicio
            and meses.mes < paros.fin
    group by meses.pozo, meses.mes, meses.desde, meses.hasta
)

select * from final
