{{ config(materialized='table') }}
select invoice_id, precio_unit, cliente from {{ ref('stg_ventas') }}
