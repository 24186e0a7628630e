with

por_mes as (
    select coalesce(sum(revenue), 0) as revenue from {{ ref('revenue_mensual') }}
),

por_categoria as (
    select coalesce(sum(revenue), 0) as revenue from {{ ref('ventas_por_categoria') }}
)

select
    por_mes.revenue as revenue_por_mes,
    por_categoria.revenue as revenue_por_categoria
from por_mes
cross join por_categoria
where por_mes.revenue <> por_categoria.revenue
