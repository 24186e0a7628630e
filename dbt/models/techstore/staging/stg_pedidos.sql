with

pedidos as (
    select * from {{ current_rows('techstore_mysql', 'pedidos') }}
),

renamed as (
    select
        pedido_id,
        cliente_id,
        fecha,
        lower(trim(estado)) as estado,
        lower(trim(metodo_pago)) as metodo_pago,
        total,
        _batch_id,
        _extracted_at
    from pedidos
),

final as (
    select
        pedido_id,
        cliente_id,
        fecha,
        estado,
        coalesce(estado, '') <> 'cancelado' as es_venta,
        metodo_pago,
        total,
        _batch_id,
        _extracted_at
    from renamed
)

select * from final
