"""What the shop's partners know of its orders: payments, settlements, shipments, claims."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demo import techstore_values as values
from demo.techstore_shop import CENT, Order, Shop, weighted

Record = dict[str, Any]


def bank_payments(shop: Shop) -> Iterator[Record]:
    """Payments of six in ten orders paid over a bank, of cancelled ones too; some in two parts."""
    number = 0
    for order in shop.all_orders():
        draw = shop.random("payment", order.pedido_id)
        kind = values.BANK_METHODS.get(order.metodo_pago)
        if kind is None or draw.random() >= 0.6:
            continue
        parts = [order.total]
        if draw.random() < 0.08:
            first = (order.total / 2).quantize(CENT)
            parts = [first, order.total - first]
        for part in parts:
            number += 1
            yield {
                "pago_id": f"PAG-{number:05d}",
                "pedido_id": order.pedido_id,
                "fecha_pago": (order.fecha + timedelta(days=draw.randint(0, 3))).isoformat(),
                "monto": part,
                "banco": draw.choice(values.BANKS),
                "cbu": f"00{draw.randint(0, 10**20 - 1):020d}",
                "estado": weighted(draw, values.BANK_STATES),
                "comision_bancaria": (part * Decimal("0.008")).quantize(CENT),
                "tipo": kind,
            }


def settlements(shop: Shop) -> Iterator[Record]:
    """A settlement for every order paid with Mercado Pago; some are retained."""
    for order in shop.all_orders():
        if order.metodo_pago != "mercadopago":
            continue
        draw = shop.random("settlement", order.pedido_id)
        gross = order.total
        fee = (gross * Decimal("0.0629")).quantize(CENT)
        tax = (fee * Decimal("0.21")).quantize(CENT)
        withheld = (gross * Decimal("0.025")).quantize(CENT)
        settled = order.fecha + timedelta(days=draw.choice((2, 10, 18)))
        yield {
            "operacion_mp": f"MP-{10_000_000 + order.pedido_id * 37:08d}",
            "pedido_id": order.pedido_id,
            "fecha_operacion": order.fecha.isoformat(),
            "fecha_liquidacion": settled.isoformat(),
            "monto_bruto": gross,
            "comision_mp": fee,
            "iva_comision": tax,
            "retencion_iibb": withheld,
            "monto_neto": gross - fee - tax - withheld,
            "estado": weighted(draw, values.SETTLEMENT_STATES),
            "cuotas": int(weighted(draw, values.INSTALMENTS)),
        }


def shipments(shop: Shop) -> Iterator[Record]:
    """A shipment for each order that left the shop, and for a few cancelled on the way."""
    number = 0
    for order in shop.all_orders():
        draw = shop.random("shipment", order.pedido_id)
        state = values.SHIPMENT_OF_ORDER.get(order.estado)
        if state is None and order.estado == "cancelado" and draw.random() < 0.15:
            state = "devuelto"
        if state is None:
            continue
        number += 1
        courier = weighted(draw, values.COURIERS)
        city = draw.choice(values.CITIES)
        yield {
            "envio_id": f"ENV-{number:05d}",
            "pedido_id": order.pedido_id,
            "courier": courier,
            "tracking_code": f"{courier[:2].upper()}{draw.randint(0, 10**9 - 1):09d}AR",
            "destino_ciudad": city,
            "peso_kg": draw.randint(2, 180) / 10,
            "costo_envio": draw.randint(3_000, 28_000),
            "estado_actual": state,
            "fecha_estimada_entrega": (order.fecha + timedelta(days=7)).isoformat(),
            "tracking_history": _events(shop, order, state, city),
        }


def _events(shop: Shop, order: Order, state: str, city: str) -> list[Record]:
    draw = shop.random("events", order.pedido_id)
    moment = datetime.combine(order.fecha, time(9, 30)) + timedelta(hours=draw.randint(0, 30))
    events = []
    for event in values.EVENTS[state]:
        at_home = event in ("preparado", "despachado")
        events.append(
            {
                "estado": event,
                "fecha": f"{moment:%Y-%m-%d %H:%M:%S}",
                "ubicacion": "Buenos Aires" if at_home else city,
            }
        )
        moment += timedelta(hours=draw.randint(4, 60))
    return events


def claims(shop: Shop) -> Iterator[Record]:
    """A claim for about one order in six."""
    number = 0
    for order in shop.all_orders():
        draw = shop.random("claim", order.pedido_id)
        if draw.random() >= 0.16:
            continue
        number += 1
        yield {
            "reclamo_id": f"REC-{number:04d}",
            "pedido_id": order.pedido_id,
            "cliente_id": order.cliente_id,
            "fecha_reclamo": (order.fecha + timedelta(days=draw.randint(1, 20))).isoformat(),
            "tipo": draw.choice(values.CLAIM_KINDS),
            "estado": weighted(draw, values.CLAIM_STATES),
            "prioridad": weighted(draw, values.CLAIM_PRIORITIES),
            "comentario": draw.choice(values.CLAIM_COMMENTS),
        }
