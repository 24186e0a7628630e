"""The words of which the demo's shop is made: people, places, products, partners."""

FIRST_NAMES = (
    "Agustín", "Ana", "Belén", "Bruno", "Camila", "Diego", "Emilia", "Facundo", "Íñigo", "Julieta",
    "Lautaro", "Lucía", "María José", "Martín", "Nahuel", "Paula", "Ramón", "Sofía", "Tomás",
    "Valentina",
)  # fmt: skip
LAST_NAMES = (
    "Acuña", "Benítez", "Castro", "Díaz", "Etchegaray", "Fernández", "Giménez", "Ibáñez", "López",
    "Muñoz", "Núñez", "O'Connor", "Pérez", "Quiroga", "Ríos", "Suárez", "Toledo", "Vázquez",
)  # fmt: skip
CITIES = (
    "Buenos Aires", "Córdoba", "Rosario", "Mendoza", "La Plata", "San Miguel de Tucumán",
    "Mar del Plata", "Neuquén", "Bahía Blanca", "Ushuaia",
)  # fmt: skip
CLIENT_STATES = {"activo": 85, "inactivo": 10, "suspendido": 5}

CATEGORIES = {
    "Notebooks": (650_000, 2_400_000, ("Aurora 14", "Aurora 16", "Ñandú Pro", "Pampa Air")),
    "Celulares": (180_000, 1_500_000, ("Ceibo 5G", "Ceibo Mini", "Hornero X", "Hornero Lite")),
    "Audio": (15_000, 320_000, ("Auricular Zorzal", "Parlante Chacarera", "Barra Milonga")),
    "Monitores": (120_000, 780_000, ('Monitor 24"', 'Monitor 27"', 'Monitor 34" curvo')),
    "Accesorios": (4_000, 95_000, ("Mouse Vicuña", "Teclado Quebracho", "Mochila & funda", "Hub")),
    "Componentes": (30_000, 900_000, ("SSD 1 TB", "Memoria 16 GB", "Fuente 750 W", "Placa <RTX>")),
}
BRANDS = ("Austral", "Cóndor", "Litoral", "Patagonia Tech", "Ñu")

ORDER_STATES = {"entregado": 60, "en_camino": 12, "preparando": 10, "cancelado": 12, "devuelto": 6}
PAYMENT_METHODS = {
    "mercadopago": 32,
    "transferencia": 20,
    "tarjeta_credito": 25,
    "tarjeta_debito": 13,
    "efectivo": 10,
}
BANK_METHODS = {
    "transferencia": "transferencia",
    "tarjeta_credito": "credito",
    "tarjeta_debito": "debito",
}
DISCOUNTS = {"0": 60, "0.05": 20, "0.10": 14, "0.15": 6}

BANKS = ("Banco Nación", "Banco Galicia", "Santander", "BBVA", "Banco Provincia")
BANK_STATES = {"acreditado": 92, "pendiente": 6, "rechazado": 2}
SETTLEMENT_STATES = {"liquidado": 94, "retenido": 6}
INSTALMENTS = {"1": 55, "3": 20, "6": 15, "12": 10}

COURIERS = {"Andreani": 35, "OCA": 30, "Correo Argentino": 20, "Via Cargo": 15}
# Events of a shipment, from the first to the last, by where it ended.
EVENTS = {
    "en_transito": ("preparado", "despachado", "en_transito"),
    "entregado": ("preparado", "despachado", "en_transito", "en_distribucion", "entregado"),
    "devuelto": ("preparado", "despachado", "en_transito", "visita_fallida", "devuelto"),
}
SHIPMENT_OF_ORDER = {"entregado": "entregado", "en_camino": "en_transito", "devuelto": "devuelto"}

CLAIM_KINDS = (
    "demora_envio", "producto_dañado", "faltante", "garantia", "error_facturacion",
    "cambio_producto",
)  # fmt: skip
CLAIM_STATES = {"abierto": 25, "en_proceso": 20, "resuelto": 40, "cerrado": 15}
CLAIM_PRIORITIES = {"alta": 25, "media": 50, "baja": 25}
CLAIM_COMMENTS = (
    "El envío no llegó en la fecha prometida",
    "Llegó con la caja rota; pide cambio",
    "Falta un artículo del pedido",
    "No enciende después de dos días",
    "La factura dice otro importe",
    "",
)
