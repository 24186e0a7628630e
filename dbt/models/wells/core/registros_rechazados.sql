with

registros as (
    select * from {{ ref('int_registros_evaluados') }}
    where motivo is not null
),

lecturas as (
    select * from {{ ref('stg_lecturas') }}
    where valor is null
),

equipos as (
    select * from {{ ref('stg_equipos') }}
    where motivo is not null
),

eventos as (
    select * from {{ ref('stg_eventos') }}
    where motivo is not null
),

final as (
    select
        'sensor_data' as tabla,
        pozo,
        'timestamp' as columna,
        texto,
        motivo,
        _source_file,
        _source_line
    from registros
    union all
    select
        'sensor_data' as tabla,
        pozo,
        sensor as columna,
        texto,
        'no es un número' as motivo,
        _source_file,
        _source_line
    from lecturas
    union all
    select
        'equipos' as tabla,
        pozo,
        columna_del_motivo as columna,
        case columna_del_motivo
            when 'fecha_entrada_operacion' then entrada_texto
            when 'fecha_salida_operacion' then salida_texto
        end as texto,
        motivo,
        _source_file,
        _source_line
    from equipos
    union all
    select
        'eventos' as tabla,
        pozo,
        columna_del_motivo as columna,
        case columna_del_motivo
            when 'fecha_paro' then paro_texto else reinicio_texto
        end as texto,
        motivo,
        _source_file,
        _source_line
    from eventos
)

select * from final
