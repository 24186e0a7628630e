{{ config(materialized='table') }}
select invoice_id, count(*) as facturas from {{ ref('fct_ventas') }} group by invoice_id
