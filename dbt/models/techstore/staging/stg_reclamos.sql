with

reclamos as (
    select * from {{ current_rows('techstore_sftp', 'reclamos') }}
    qualify reclamo_id is null or rank() over (
        partition by reclamo_id
        order by _delivery_sequence desc
    ) = 1
),

final as (
    select
        nullif(trim(reclamo_id), '') as reclamo_id,
        pedido_id,
        cliente_id,
        fecha_reclamo,
        lower(trim(tipo)) as tipo,
        lower(trim(estado)) as estado,
        lower(trim(prioridad)) as prioridad,
        nullif(trim(comentario), '') as comentario,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line
    from reclamos
)

select * from final
