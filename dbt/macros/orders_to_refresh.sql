{#-
    Orders whose rows in a fact may differ from those of the last build: delivered since, or joined
    to a version of a person, product or seller that began or ended since. The fact itself says
    how far it has come. `backfill_from` and `backfill_to` add the purchases of a range of days.
-#}
{% macro orders_to_refresh() %}
    select refreshed.order_id from (
        with

        done as (
            select coalesce(max(_delivery_sequence), -1) as delivery_sequence from {{ this }}
        ),

        news as (
            select load_log.started_at
            from etl.load_log
            where load_log.delivery_id > (select done.delivery_sequence from done)
        ),

        delivered as (
            {%- for staging in ['stg_orders', 'stg_order_items', 'stg_order_payments', 'stg_order_reviews'] %}
            select order_id
            from {{ ref(staging) }}
            where _delivery_sequence > (select done.delivery_sequence from done)
            {%- if not loop.last %}
            union all
            {%- endif %}
            {%- endfor %}
        ),

        people as (
            select versions.customer_unique_id
            from {{ ref('snap_customers') }} as versions
            where
                versions.customer_id in (
                    select changed.customer_id
                    from {{ ref('snap_customers') }} as changed
                    where changed.dbt_updated_at in (select news.started_at from news)
                )
                or versions.customer_id in (
                    select owned.customer_id
                    from {{ ref('stg_order_customers') }} as owned
                    where owned.order_id in (select delivered.order_id from delivered)
                )
        )

        select delivered.order_id from delivered
        union
        select orders.order_id
        from {{ ref('stg_orders') }} as orders
        inner join {{ ref('snap_customers') }} as versions
            on orders.customer_id = versions.customer_id
        where versions.customer_unique_id in (select people.customer_unique_id from people)
        {%- for key, snapshot in {'product_id': 'snap_products', 'seller_id': 'snap_sellers'}.items() %}
        union
        select items.order_id
        from {{ ref('stg_order_items') }} as items
        inner join {{ ref(snapshot) }} as versions
            on items.{{ key }} = versions.{{ key }}
        where versions.dbt_updated_at in (select news.started_at from news)
        {%- endfor %}
        {%- if var('backfill_from', none) %}
        union
        select orders.order_id
        from {{ ref('stg_orders') }} as orders
        where
            orders.purchased_at >= cast('{{ var("backfill_from") }}' as date)
            and orders.purchased_at
            < cast('{{ var("backfill_to", var("backfill_from")) }}' as date) + interval 1 day
        {%- endif %}
    ) as refreshed
{% endmacro %}


{#-
    Before a fact is written: note its orders to refresh, and take their rows away. Rows of orders
    that have none any more go so too, which an insert by key would keep.
-#}
{% macro forget_orders_to_refresh() %}
    {#- Outside the condition: dbt learns what is referred to when nothing is incremental yet. -#}
    {%- set refreshed = orders_to_refresh() -%}
    {%- if is_incremental() -%}
    create or replace table etl.refresh_{{ this.identifier }} as {{ refreshed }};
    delete from {{ this }} where order_id in ({{ refreshed_orders() }})
    {%- endif -%}
{% endmacro %}


{#- The orders that `forget_orders_to_refresh` noted for this fact. -#}
{% macro refreshed_orders() -%}
    {%- do orders_to_refresh() -%}
    select order_id from etl.refresh_{{ this.identifier }}
{%- endmacro %}
