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
),

repetidos as (
    select * from {{ ref('int_registros_evaluados') }}
    where motivo is not null
),

periodos as (
    select * from {{ ref('int_periodos_equipo') }}
),

final as (
    select
        lecturas.pozo,
        periodos.numero_equipo,
        lecturas.sensor,
        count(lecturas.valor) as lecturas_validas
    from lecturas
    anti join repetidos
        on
            lecturas._source_file = repetidos._source_file
            and lecturas._source_line = repetidos._source_line
    left join periodos
        on
            lecturas.pozo = periodos.pozo
            and lecturas.ts >= periodos.desde
            and lecturas.ts < periodos.hasta
    group by lecturas.pozo, periodos.numero_equipo, lecturas.sensor
)

select * from final
