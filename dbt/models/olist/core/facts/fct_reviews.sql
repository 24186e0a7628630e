{#- Outside the condition, so that dbt sees what it refers to. -#}
{%- set refreshed = refreshed_orders() -%}
with

reviews as (
    select * from {{ ref('int_order_reviews_judged') }}
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
    {{ surrogate_key(['reviews.review_id', 'reviews.order_id']) }} as review_key,
    reviews.review_id,
    reviews.order_id,
    customers.customer_key,
    {{ date_key('reviews.purchased_at') }} as order_date_key,
    {{ date_key('reviews.created_at') }} as review_date_key,
    reviews.review_score,
    reviews.comment_title is not null or reviews.comment_message is not null as has_comment,
    reviews.created_at,
    reviews.answered_at,
    date_diff('day', reviews.created_at, reviews.answered_at) as days_to_answer,
    reviews._newest_delivery as _delivery_sequence
from reviews
inner join customers
    on
        reviews.customer_unique_id = customers.customer_unique_id
        and reviews.purchased_at >= customers.effective_from
        and reviews.purchased_at < customers.effective_to
