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

periodos as (
    select * from {{ ref('int_periodos_equipo') }}
),

ubicadas as (
    select
        lecturas.pozo,
        periodos.numero_equipo,
        periodos.desde,
        lecturas.ts,
        lecturas.sensor,
        lecturas.valor
    from lecturas
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
        time_bucket(interval 10 minutes, ts) as marca,
        lead(ts) over siguiente as ts_siguiente,
        lead(valor) over siguiente as valor_siguiente,
        lead(desde) over siguiente as desde_siguiente
    from ubicadas
    window siguiente as (partition by pozo, sensor order by ts)
),

reales as (
    select
        pozo,
        numero_equipo,
        ts,
        sensor,
        valor,
        false as es_interpolado
    from vecinas
    where ts = marca
),

-- Never across a pump change: the reading before it and the one after it share no period.
huecos as (
    select
        *,
        unnest(generate_series(
            marca + interval 10 minutes,
            ts_siguiente - interval 1 microsecond,
            interval 10 minutes
        )) as ts_punto
    from vecinas
    where
        ts_siguiente > marca + interval 10 minutes
        and ts_siguiente <= ts + to_minutes({{ var('wells_max_gap_minutes') }})
        and desde_siguiente is not distinct from desde
),

interpoladas as (
    select
        pozo,
        numero_equipo,
        ts_punto as ts,
        sensor,
        valor + (valor_siguiente - valor)
        * date_diff('microsecond', ts, ts_punto) / date_diff('microsecond', ts, ts_siguiente)
            as valor,
        true as es_interpolado
    from huecos
),

final as (
    select * from reales
    union all
    select * from interpoladas
)

select * from final
