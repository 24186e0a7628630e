with

lecturas as (
    select
        pozo,
        ts,
        sensor,
        valor,
        _source_file,
        _source_line
    from {{ ref('stg_lecturas') }}
    where valor is not null
),

rechazados as (
    select * from {{ ref('int_registros_evaluados') }}
    where motivo is not null
),

-- Numbers in place of names: what is sorted is a third as large.
series as (
    select
        pozo,
        sensor,
        cast(row_number() over (order by pozo, sensor) as integer) as serie
    from {{ ref('int_lecturas_por_sensor') }}
    group by pozo, sensor
),

periodos as (
    select
        *,
        cast(row_number() over (order by pozo, desde) as integer) as periodo
    from {{ ref('int_periodos_equipo') }}
),

ubicadas as (
    select
        series.serie,
        periodos.periodo,
        lecturas.ts,
        lecturas.valor
    from lecturas
    inner join series
        on
            lecturas.pozo = series.pozo
            and lecturas.sensor = series.sensor
    anti join rechazados
        on
            lecturas._source_file = rechazados._source_file
            and lecturas._source_line = rechazados._source_line
    left join periodos
        on
            lecturas.pozo = periodos.pozo
            and lecturas.ts >= periodos.desde
            and lecturas.ts < periodos.hasta
),

vecinas as (
    select
        *,
        {{ stretch_of(10, 'ts') }} as marca,
        lead(ts) over siguiente as ts_siguiente,
        lead(valor) over siguiente as valor_siguiente,
        lead(periodo) over siguiente as periodo_siguiente
    from ubicadas
    window siguiente as (partition by serie order by ts)
),

-- The marks from a reading to the next one. Never across a pump change: the two share no period.
tramos as (
    select
        *,
        case when ts = marca then ts else marca + interval 10 minutes end as primera_marca,
        case
            when
                ts_siguiente <= ts + {{ minutes(var('wells_max_gap_minutes')) }}
                and (periodo_siguiente is not distinct from periodo)
                then ts_siguiente - interval 1 microsecond
            else marca
        end as ultima_marca
    from vecinas
),

puntos as (
    select
        serie,
        periodo,
        ts,
        valor,
        ts_siguiente,
        valor_siguiente,
        {{ moments_from('primera_marca', 'ultima_marca', 'interval 10 minutes') }} as ts_punto
    from tramos
),

final as (
    select
        series.pozo,
        periodos.numero_equipo,
        puntos.ts_punto as ts,
        series.sensor,
        case
            when puntos.ts_punto = puntos.ts then puntos.valor
            else
                puntos.valor + (puntos.valor_siguiente - puntos.valor)
                * {{ microseconds_between('puntos.ts', 'puntos.ts_punto') }}
                / {{ microseconds_between('puntos.ts', 'puntos.ts_siguiente') }}
        end as valor,
        puntos.ts_punto <> puntos.ts as es_interpolado
    from puntos
    inner join series
        on puntos.serie = series.serie
    left join periodos
        on puntos.periodo = periodos.periodo
)

select * from final
