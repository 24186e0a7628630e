{{ config(materialized='table') }}
select cast(cliente as integer) as cliente from {{ ref('stg_ventas') }}
