with

delivered as (
    select order_id from {{ ref('stg_orders') }}
),

accounted as (
    select order_id from {{ ref('fct_orders') }}
    union all
    select order_id from {{ ref('excluded_rows') }}
    where table_name = 'orders'
)

(
    select * from delivered
    except all
    select * from accounted
)
union all
(
    select * from accounted
    except all
    select * from delivered
)
