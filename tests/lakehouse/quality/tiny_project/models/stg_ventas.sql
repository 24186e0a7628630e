{{ config(materialized='view') }}
select * from (
    values
        ('BRA-001', 'AMOX500', 45.90, 'BRL', 'canary-uno', 'ventas.csv', 2),
        ('BRA-001', 'AMOX500', 45.90, 'BRL', 'canary-uno', 'ventas.csv', 48),
        ('BRA-002', 'NADA', null, 'XXX', 'canary-dos', 'ventas.csv', 3)
) as v (invoice_id, producto_cod, precio_unit, moneda, cliente, _source_file, _source_line)
