with

pagos as (
    select * from {{ current_rows('techstore_sftp', 'pagos_banco') }}
    qualify pago_id is null or rank() over (
        partition by pago_id
        order by _delivery_sequence desc
    ) = 1
),

final as (
    select
        nullif(trim(pago_id), '') as pago_id,
        pedido_id,
        fecha_pago,
        monto,
        nullif(trim(banco), '') as banco,
        nullif(trim(cbu), '') as cbu,
        lower(trim(estado)) as estado,
        comision_bancaria,
        lower(trim(tipo)) as tipo,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line
    from pagos
)

select * from final
