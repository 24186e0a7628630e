"""The demo's shop: clients, products and orders, each made from its own number.

Nothing is kept in memory: whoever needs order 42 makes it again from the seed, so files and
tables of any size agree with one another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from demo import techstore_values as values

AS_OF = date(2026, 6, 30)
DAYS_OF_ORDERS = 365
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Client:
    """A row of `clientes`."""

    cliente_id: int
    nombre: str
    email: str | None
    ciudad: str
    fecha_alta: date
    estado: str
    telefono: str | None


@dataclass(frozen=True)
class Product:
    """A row of `productos`, and what its supplier says of it."""

    producto_id: int
    nombre: str
    categoria: str
    precio_unitario: Decimal
    stock: int
    activo: bool
    costo: Decimal
    codigo_proveedor: str | None
    marca: str
    stock_proveedor: int


@dataclass(frozen=True)
class OrderLine:
    """A row of `detalle_pedidos`, without its number."""

    producto_id: int
    cantidad: int
    precio_unitario: Decimal
    descuento: Decimal

    @property
    def subtotal(self) -> Decimal:
        """Pesos after the discount, which is a rate."""
        return (self.cantidad * self.precio_unitario * (1 - self.descuento)).quantize(CENT)


@dataclass(frozen=True)
class Order:
    """A row of `pedidos` with its lines."""

    pedido_id: int
    cliente_id: int
    fecha: date
    estado: str
    metodo_pago: str
    lines: tuple[OrderLine, ...]

    @property
    def total(self) -> Decimal:
        """Pesos of all lines."""
        return sum((line.subtotal for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Shop:
    """A shop of a given size on a given day.

    Attributes:
        seed: of every random number.
        scale: 1 is about 100 clients, 40 products, 500 orders.
        as_of: its last day; orders lie in the year before.
    """

    seed: int = 7
    scale: int = 1
    as_of: date = AS_OF

    @property
    def clients(self) -> int:
        """How many clients there are."""
        return 100 * self.scale

    @property
    def products(self) -> int:
        """How many products there are."""
        return 40 * self.scale

    @property
    def orders(self) -> int:
        """How many orders there are."""
        return 500 * self.scale

    @property
    def first_day(self) -> date:
        """The day of the first order."""
        return self.as_of - timedelta(days=DAYS_OF_ORDERS - 1)

    def random(self, what: str, number: int) -> Random:
        """Random numbers that belong to one thing alone."""
        return Random(f"{self.seed}:{what}:{number}")

    def client(self, number: int) -> Client:
        """Client `number`, from 1; a few have no e-mail, and a few share that of another."""
        draw = self.random("client", number)
        name = f"{draw.choice(values.FIRST_NAMES)} {draw.choice(values.LAST_NAMES)}"
        mailbox: int | None = number
        if number % 12 == 0:
            mailbox = None
        elif number % 33 == 1 and number > 1:
            mailbox = number - 1
        return Client(
            cliente_id=number,
            nombre=name,
            email=f"cliente{mailbox}@example.com" if mailbox else None,
            ciudad=draw.choice(values.CITIES),
            fecha_alta=self.first_day - timedelta(days=draw.randint(1, 900)),
            estado=weighted(draw, values.CLIENT_STATES),
            telefono=f"+54 11 {draw.randint(4000, 6999)}-{draw.randint(0, 9999):04d}"
            if number % 9
            else None,
        )

    def product(self, number: int) -> Product:
        """Product `number`, from 1; every tenth is out of stock, every twentieth not for sale."""
        draw = self.random("product", number)
        categories = tuple(values.CATEGORIES)
        category = categories[number % len(categories)]
        lowest, highest, models = values.CATEGORIES[category]
        price = Decimal(draw.randint(lowest, highest)) + Decimal(draw.choice(("0", "0.50", "0.99")))
        stock = draw.choice((draw.randint(1, 9), draw.randint(10, 29), draw.randint(30, 400)))
        brand = draw.choice(values.BRANDS)
        return Product(
            producto_id=number,
            nombre=f"{draw.choice(models)} {brand} {number:03d}",
            categoria=category,
            precio_unitario=price,
            stock=0 if number % 10 == 0 else stock,
            activo=number % 20 != 19,
            costo=(price * Decimal(draw.randint(55, 85)) / 100).quantize(CENT),
            # Own brands come from no supplier.
            codigo_proveedor=None if number % 17 == 16 else f"PROV-{number:04d}",
            marca=brand,
            stock_proveedor=draw.choice((0, draw.randint(1, 500))),
        )

    def order(self, number: int) -> Order:
        """Order `number`, from 1, of the day that its number gives it."""
        draw = self.random("order", number)
        day = self.first_day + timedelta(days=(number - 1) * DAYS_OF_ORDERS // self.orders)
        # Half of the orders come from a tenth of the clients.
        buyers = self.clients // 10 if draw.random() < 0.5 else self.clients
        return Order(
            pedido_id=number,
            cliente_id=draw.randint(1, buyers),
            fecha=day,
            estado=weighted(draw, values.ORDER_STATES),
            metodo_pago=weighted(draw, values.PAYMENT_METHODS),
            lines=tuple(self._line(draw) for _ in range(draw.randint(1, 3))),
        )

    def all_orders(self) -> Iterator[Order]:
        """Every order, by number."""
        return (self.order(number) for number in range(1, self.orders + 1))

    def _line(self, draw: Random) -> OrderLine:
        product = self.product(draw.randint(1, self.products))
        return OrderLine(
            producto_id=product.producto_id,
            cantidad=draw.choice((1, 1, 1, 2, 3)),
            precio_unitario=product.precio_unitario,
            descuento=Decimal(weighted(draw, values.DISCOUNTS)),
        )


def weighted(draw: Random, weights: Mapping[str, int]) -> str:
    """One of the names, as often as its weight says."""
    return draw.choices(tuple(weights), tuple(weights.values()))[0]
