"""The shop's database: four tables in SQLite, with the types and keys of the original."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from demo.kept_files import whole_file
from demo.techstore_shop import Shop

SCHEMA = """
create table clientes (
    cliente_id int primary key,
    nombre varchar(100) not null,
    email varchar(100),
    ciudad varchar(50),
    fecha_alta date,
    estado varchar(20),
    telefono varchar(30)
);
create table productos (
    producto_id int primary key,
    nombre varchar(100) not null,
    categoria varchar(50),
    precio_unitario decimal(12,2),
    stock int,
    activo tinyint,
    costo decimal(12,2),
    codigo_proveedor varchar(20)
);
create table pedidos (
    pedido_id int primary key,
    cliente_id int not null references clientes (cliente_id),
    fecha date,
    estado varchar(20),
    metodo_pago varchar(30),
    total decimal(14,2)
);
create table detalle_pedidos (
    detalle_id int primary key,
    pedido_id int not null references pedidos (pedido_id),
    producto_id int not null references productos (producto_id),
    cantidad int,
    precio_unitario decimal(12,2),
    descuento decimal(4,2),
    subtotal decimal(14,2)
);
"""
Row = tuple[str | int | None, ...]


def write_database(shop: Shop, path: Path) -> Path:
    """Write the SQLite file; one with this content is left alone.

    Returns:
        `path`.
    """
    with whole_file(path) as unfinished, closing(sqlite3.connect(unfinished)) as connection:
        connection.execute("pragma foreign_keys = on")
        connection.executescript(SCHEMA)
        with connection:
            _insert(connection, "clientes", client_rows(shop))
            _insert(connection, "productos", product_rows(shop))
            _insert(connection, "pedidos", order_rows(shop))
            _insert(connection, "detalle_pedidos", line_rows(shop))
    return path


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    columns = connection.execute(f"select count(*) from pragma_table_info('{table}')").fetchone()
    marks = ", ".join("?" * columns[0])
    connection.executemany(f"insert into {table} values ({marks})", rows)


def client_rows(shop: Shop) -> Iterator[Row]:
    """Rows of `clientes`, in the order of the columns."""
    for number in range(1, shop.clients + 1):
        client = shop.client(number)
        yield (
            client.cliente_id,
            client.nombre,
            client.email,
            client.ciudad,
            client.fecha_alta.isoformat(),
            client.estado,
            client.telefono,
        )


def product_rows(shop: Shop) -> Iterator[Row]:
    """Rows of `productos`, in the order of the columns."""
    for number in range(1, shop.products + 1):
        product = shop.product(number)
        yield (
            product.producto_id,
            product.nombre,
            product.categoria,
            str(product.precio_unitario),
            product.stock,
            int(product.activo),
            str(product.costo),
            product.codigo_proveedor,
        )


def order_rows(shop: Shop) -> Iterator[Row]:
    """Rows of `pedidos`, in the order of the columns."""
    for order in shop.all_orders():
        yield (
            order.pedido_id,
            order.cliente_id,
            order.fecha.isoformat(),
            order.estado,
            order.metodo_pago,
            str(order.total),
        )


def line_rows(shop: Shop) -> Iterator[Row]:
    """Rows of `detalle_pedidos`, in the order of the columns."""
    number = 0
    for order in shop.all_orders():
        for line in order.lines:
            number += 1
            yield (
                number,
                order.pedido_id,
                line.producto_id,
                line.cantidad,
                str(line.precio_unitario),
                str(line.descuento),
                str(line.subtotal),
            )
