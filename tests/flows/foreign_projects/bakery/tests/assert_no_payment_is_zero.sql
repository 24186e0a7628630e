{{ config(severity='warn', store_failures=true) }}

select payment_id, order_id, amount from {{ ref('stg_payments') }} where amount = 0
