select
    operacion_mp,
    monto_bruto,
    comision_mp,
    iva_comision,
    retencion_iibb,
    monto_neto
from {{ ref('stg_liquidacion_mp') }}
where abs(monto_bruto - comision_mp - iva_comision - retencion_iibb - monto_neto) > 0.01
