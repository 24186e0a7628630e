with

fact as (
    select coalesce(sum(total_amount), 0) as gmv from {{ ref('fct_order_items') }}
),

states as (
    select
        coalesce(sum(gmv), 0) as gmv,
        coalesce(sum(seller_gmv), 0) as seller_gmv
    from {{ ref('mart_geographic_analysis') }}
)

select
    states.gmv,
    states.seller_gmv,
    fact.gmv as gmv_of_order_items
from states
cross join fact
where
    states.gmv <> fact.gmv
    or states.seller_gmv <> fact.gmv
