with

fact as (
    select coalesce(sum(total_amount), 0) as gmv from {{ ref('fct_order_items') }}
),

claims as (
    select
        'fct_orders' as table_name,
        sum(order_amount) as gmv
    from {{ ref('fct_orders') }}
    {%- for mart in [
        'mart_executive_dashboard',
        'mart_customer_analytics',
        'mart_cohort_analysis',
        'mart_product_performance',
        'mart_seller_scorecard',
    ] %}
    union all
    select
        '{{ mart }}' as table_name,
        sum(gmv) as gmv
    from {{ ref(mart) }}
    {%- endfor %}
)

select
    claims.table_name,
    coalesce(claims.gmv, 0) as gmv,
    fact.gmv as gmv_of_order_items
from claims
cross join fact
where coalesce(claims.gmv, 0) <> fact.gmv
