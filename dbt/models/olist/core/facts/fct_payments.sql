{#- Outside the condition, so that dbt sees what it refers to. -#}
{%- set refreshed = refreshed_orders() -%}
with

payments as (
    select * from {{ ref('int_order_payments_judged') }}
    where
        exclusion_reason is null
        {%- if is_incremental() %}
        and order_id in ({{ refreshed }})
        {%- endif %}
),

customers as (
    select * from {{ ref('int_customer_versions') }}
)

select
    {{ surrogate_key(['payments.order_id', 'payments.payment_sequential']) }} as payment_key,
    payments.order_id,
    payments.payment_sequential,
    customers.customer_key,
    {{ date_key('payments.purchased_at') }} as order_date_key,
    payments.payment_type,
    payments.payment_installments,
    payments.payment_value,
    payments._newest_delivery as _delivery_sequence
from payments
inner join customers
    on
        payments.customer_unique_id = customers.customer_unique_id
        and payments.purchased_at >= customers.effective_from
        and payments.purchased_at < customers.effective_to
