with

customers as (
    select * from {{ ref('dim_customer') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

purchases as (
    select
        customers.customer_unique_id,
        cast(date_trunc('month', orders.purchased_at) as date) as order_month,
        count(*) as orders,
        sum(orders.order_amount) as gmv
    from orders
    inner join customers
        on orders.customer_key = customers.customer_key
    group by customers.customer_unique_id, order_month
),

people as (
    select
        customer_unique_id,
        min(order_month) as cohort_month
    from purchases
    group by customer_unique_id
),

cohorts as (
    select
        cohort_month,
        count(*) as cohort_customers
    from people
    group by cohort_month
),

activity as (
    select
        people.cohort_month,
        purchases.order_month,
        count(*) as active_customers,
        sum(purchases.orders) as orders,
        sum(purchases.gmv) as gmv
    from purchases
    inner join people
        on purchases.customer_unique_id = people.customer_unique_id
    group by people.cohort_month, purchases.order_month
),

newest as (
    select max(order_month) as order_month from purchases
),

-- A month in which nobody of a cohort bought is a row of zeros, not a gap in the curve.
cohort_months as (
    select
        cohorts.cohort_month,
        cohorts.cohort_customers,
        cast(
            unnest(generate_series(cohorts.cohort_month, newest.order_month, interval 1 month))
            as date
        ) as order_month
    from cohorts
    cross join newest
),

curves as (
    select
        cohort_months.*,
        coalesce(activity.active_customers, 0) as active_customers,
        coalesce(activity.orders, 0) as orders,
        coalesce(activity.gmv, 0) as gmv,
        sum(coalesce(activity.gmv, 0)) over (
            partition by cohort_months.cohort_month
            order by cohort_months.order_month
        ) as cumulative_gmv
    from cohort_months
    left join activity
        on
            cohort_months.cohort_month = activity.cohort_month
            and cohort_months.order_month = activity.order_month
),

final as (
    select
        cohort_month,
        date_diff('month', cohort_month, order_month) as months_since_first_order,
        order_month,
        cohort_customers,
        active_customers,
        cast(active_customers / cohort_customers as decimal(9, 6)) as retention_share,
        cast(orders as bigint) as orders,
        cast(gmv as decimal(18, 2)) as gmv,
        cast(cumulative_gmv as decimal(18, 2)) as cumulative_gmv,
        cast(cumulative_gmv / cohort_customers as decimal(18, 2)) as cumulative_gmv_per_customer
    from curves
)

select * from final
