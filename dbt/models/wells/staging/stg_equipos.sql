with

equipos as (
    select * from {{ current_rows('wells_files', 'equipos') }}
),

renamed as (
    select
        pozo,
        nullif(trim(numero_equipo), '') as numero_equipo,
        nullif(trim(modelo_bomba), '') as modelo_bomba,
        nullif(trim(marca_bomba), '') as marca_bomba,
        nullif(trim(modelo_motor), '') as modelo_motor,
        {{ utc_timestamp('fecha_entrada_operacion') }} as fecha_entrada,
        {{ utc_timestamp('fecha_salida_operacion') }} as fecha_salida,
        nullif(trim(fecha_entrada_operacion), '') as entrada_texto,
        nullif(trim(fecha_salida_operacion), '') as salida_texto,
        _source_file,
        _source_line,
        _delivery_sequence
    from equipos
),

final as (
    select
        *,
        case
            when numero_equipo is null or entrada_texto is null then 'falta el dato'
            when fecha_entrada is null then {{ utc_timestamp_fault('entrada_texto') }}
            when salida_texto is not null and fecha_salida is null
                then {{ utc_timestamp_fault('salida_texto') }}
            when fecha_salida < fecha_entrada then 'salida anterior a la entrada'
        end as motivo,
        case
            when numero_equipo is null then 'numero_equipo'
            when fecha_entrada is null then 'fecha_entrada_operacion'
            else 'fecha_salida_operacion'
        end as columna_del_motivo
    from renamed
)

select * from final
