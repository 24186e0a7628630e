with

envios as (
    select * from {{ current_rows('techstore_sftp', 'envios_courier') }}
    qualify envio_id is null or rank() over (
        partition by envio_id
        order by _delivery_sequence desc
    ) = 1
),

eventos as (
    select
        nullif(trim(envio_id), '') as envio_id,
        unnest(tracking_history) as evento,
        unnest(generate_series(1, len(tracking_history))) as orden,
        _batch_id,
        _extracted_at,
        _source_file
    from envios
),

final as (
    select
        envio_id,
        orden,
        lower(trim(struct_extract(evento, 'estado'))) as estado,
        struct_extract(evento, 'fecha') as fecha,
        nullif(trim(struct_extract(evento, 'ubicacion')), '') as ubicacion,
        _batch_id,
        _extracted_at,
        _source_file
    from eventos
)

select * from final
