with

entregadas as (
    {%- for pais in var('pharma_paises') %}
    select
        pais,
        count(*) as filas
    from {{ ref('stg_ventas_' ~ pais) }}
    group by pais
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

contadas as (
    select
        pais,
        count(*) as filas
    from (
        select pais from {{ ref('fct_ventas_latam') }}
        union all
        select pais from {{ ref('ventas_excluidas') }}
    ) as consumidas
    group by pais
)

select
    coalesce(entregadas.pais, contadas.pais) as pais,
    coalesce(entregadas.filas, 0) as filas_entregadas,
    coalesce(contadas.filas, 0) as filas_contadas
from entregadas
full outer join contadas
    on entregadas.pais = contadas.pais
where coalesce(entregadas.filas, 0) <> coalesce(contadas.filas, 0)
