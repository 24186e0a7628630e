select
    detalle_id,
    cantidad,
    precio_unitario,
    descuento,
    subtotal
from {{ ref('stg_detalle_pedidos') }}
where abs(subtotal - cantidad * precio_unitario * (1 - coalesce(descuento, 0))) > 0.01
