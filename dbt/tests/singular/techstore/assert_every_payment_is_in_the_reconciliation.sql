with

cobrado as (
    select
        (select coalesce(sum(monto), 0) from {{ ref('stg_pagos_banco') }}) as monto_banco,
        (select coalesce(sum(monto_bruto), 0) from {{ ref('stg_liquidacion_mp') }}) as monto_mp,
        (select coalesce(sum(total), 0) from {{ ref('stg_pedidos') }}) as monto_pedidos
),

conciliado as (
    select
        coalesce(sum(monto_banco), 0) as monto_banco,
        coalesce(sum(monto_mp), 0) as monto_mp,
        coalesce(sum(monto_pedidos), 0) as monto_pedidos
    from {{ ref('conciliacion_pagos') }}
)

select
    cobrado.monto_banco,
    conciliado.monto_banco as monto_banco_conciliado,
    cobrado.monto_mp,
    conciliado.monto_mp as monto_mp_conciliado,
    cobrado.monto_pedidos,
    conciliado.monto_pedidos as monto_pedidos_conciliado
from cobrado
cross join conciliado
where
    cobrado.monto_banco <> conciliado.monto_banco
    or cobrado.monto_mp <> conciliado.monto_mp
    or cobrado.monto_pedidos <> conciliado.monto_pedidos
