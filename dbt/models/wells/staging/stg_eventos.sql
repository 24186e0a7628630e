with

eventos as (
    select * from {{ current_rows('wells_files', 'eventos') }}
),

renamed as (
    select
        pozo,
        nullif(trim(categoria_principal), '') as tipo_evento,
        nullif(trim(categoria_secundaria), '') as descripcion,
        nullif(trim(comentario), '') as comentario,
        {{ utc_timestamp('fecha_paro') }} as fecha_inicio,
        {{ utc_timestamp('fecha_reinicio') }} as fecha_fin,
        nullif(trim(fecha_paro), '') as paro_texto,
        nullif(trim(fecha_reinicio), '') as reinicio_texto,
        _source_file,
        _source_line,
        _delivery_sequence
    from eventos
),

final as (
    select
        *,
        case
            when paro_texto is null then 'falta el dato'
            when fecha_inicio is null then {{ utc_timestamp_fault('paro_texto') }}
            -- Taken for empty, it would make an event that ended an open one.
            when reinicio_texto is not null and fecha_fin is null
                then {{ utc_timestamp_fault('reinicio_texto') }}
            when fecha_fin < fecha_inicio then 'reinicio anterior al paro'
        end as motivo,
        case when fecha_inicio is null then 'fecha_paro' else 'fecha_reinicio' end
            as columna_del_motivo
    from renamed
)

select * from final
