with

moments as (
    select purchased_at as moment from {{ ref('stg_orders') }}
    union all
    select delivered_to_customer_at as moment from {{ ref('stg_orders') }}
    union all
    select estimated_delivery_date as moment from {{ ref('stg_orders') }}
    union all
    select created_at as moment from {{ ref('stg_order_reviews') }}
    union all
    select answered_at as moment from {{ ref('stg_order_reviews') }}
),

spans as (
    select
        date_trunc('year', min(moment)) as first_day,
        date_trunc('year', max(moment)) + interval 1 year as after_last_day
    from moments
),

days as (
    select cast(unnest(range(first_day, after_last_day, interval 1 day)) as date) as full_date
    from spans
)

select
    {{ date_key('full_date') }} as date_key,
    full_date,
    cast(year(full_date) as integer) as calendar_year,
    cast(quarter(full_date) as integer) as calendar_quarter,
    cast(month(full_date) as integer) as calendar_month,
    strftime(full_date, '%Y-%m') as calendar_year_month,
    cast(isoyear(full_date) as integer) as iso_year,
    cast(week(full_date) as integer) as iso_week,
    cast(day(full_date) as integer) as calendar_day,
    cast(isodow(full_date) as integer) as iso_weekday,
    isodow(full_date) >= 6 as is_weekend
from days
