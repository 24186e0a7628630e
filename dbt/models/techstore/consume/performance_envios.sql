with

envios as (
    select * from {{ ref('stg_envios') }}
),

final as (
    select
        coalesce(courier, 'sin informar') as courier,
        cast(count(*) as integer) as envios,
        cast(round(avg(costo_envio), 2) as decimal(12, 2)) as costo_promedio,
        cast(round(avg(peso_kg), 2) as decimal(10, 2)) as peso_promedio_kg,
        cast(count(case when estado_actual = 'entregado' then 1 end) as integer) as entregados,
        cast(count(case when estado_actual = 'devuelto' then 1 end) as integer) as devueltos,
        cast(
            round(100.0 * count(case when estado_actual = 'devuelto' then 1 end) / count(*), 2)
            as decimal(5, 2)
        ) as pct_devolucion
    from envios
    group by coalesce(courier, 'sin informar')
)

select * from final
