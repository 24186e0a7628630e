with

orders as (
    select
        cast(purchased_at as date) as order_date,
        cast(date_trunc('month', purchased_at) as date) as order_month,
        order_amount
    from {{ ref('fct_orders') }}
),

dashboard as (
    select * from {{ ref('mart_executive_dashboard') }}
),

bought as (
    select
        'day' as period,
        order_date as first_day,
        sum(order_amount) as gmv
    from orders
    group by order_date
    union all
    select
        'month' as period,
        order_month as first_day,
        sum(order_amount) as gmv
    from orders
    group by order_month
),

shown as (
    select
        'day' as period,
        order_date as first_day,
        gmv
    from dashboard
    union all
    select distinct
        'month' as period,
        order_month as first_day,
        month_gmv as gmv
    from dashboard
)

select
    coalesce(bought.period, shown.period) as period,
    coalesce(bought.first_day, shown.first_day) as first_day,
    coalesce(bought.gmv, 0) as gmv_of_orders,
    coalesce(shown.gmv, 0) as gmv_of_dashboard
from bought
full outer join shown
    on
        bought.period = shown.period
        and bought.first_day = shown.first_day
where coalesce(bought.gmv, 0) <> coalesce(shown.gmv, 0)
