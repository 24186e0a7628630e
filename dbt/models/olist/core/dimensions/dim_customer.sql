with

versions as (
    select * from {{ ref('int_customer_versions') }}
),

profiles as (
    select * from {{ ref('int_customer_profile') }}
),

states as (
    select * from {{ ref('estados_brasil') }}
)

select
    versions.customer_key,
    versions.customer_unique_id,
    versions.customer_id,
    versions.zip_code_prefix,
    versions.city,
    versions.state,
    states.region,
    profiles.first_order_date,
    profiles.last_order_date,
    coalesce(profiles.total_orders, 0) as total_orders,
    coalesce(profiles.delivered_orders, 0) as delivered_orders,
    cast(coalesce(profiles.total_spent, 0) as decimal(18, 2)) as total_spent,
    profiles.avg_order_value,
    coalesce(profiles.is_repeat_customer, false) as is_repeat_customer,
    coalesce(profiles.customer_segment, 'NEW') as customer_segment,
    profiles.lifecycle,
    versions.is_deleted,
    versions.effective_from,
    versions.effective_to,
    versions.is_current
from versions
left join profiles
    on versions.customer_unique_id = profiles.customer_unique_id
left join states
    on versions.state = states.state
