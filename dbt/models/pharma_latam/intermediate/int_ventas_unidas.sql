{%- for pais in var('pharma_paises') %}
select
    invoice_id,
    fecha,
    producto_cod,
    cantidad,
    precio_unit,
    moneda,
    pais,
    _batch_id,
    _extracted_at,
    _source_file,
    _source_line,
    _delivery_sequence
from {{ ref('stg_ventas_' ~ pais) }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
