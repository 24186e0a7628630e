with

detalle as (
    select * from {{ current_rows('techstore_mysql', 'detalle_pedidos') }}
),

final as (
    select
        detalle_id,
        pedido_id,
        producto_id,
        cantidad,
        precio_unitario,
        descuento,
        subtotal,
        _batch_id,
        _extracted_at
    from detalle
)

select * from final
