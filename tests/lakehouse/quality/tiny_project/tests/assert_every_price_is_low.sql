{{ config(severity='warn') }}
select * from {{ ref('stg_ventas') }} where precio_unit > 40
