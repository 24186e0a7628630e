{{ config(materialized='table') }}
select nombre, count(*) as productos from {{ ref('productos') }} group by nombre
