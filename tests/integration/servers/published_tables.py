"""Published tables of olist and techstore, small, with known values, in DuckDB and PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql
from sqlalchemy import URL

# Of the dashboards of tests.
PASSWORD = "aljibe-ñandú-42"
PERSON, ADDRESS = "Emilia Núñez de Prueba", "emilia@example.com"
FORMULA = '=HYPERLINK("https://example.com")'
# Every value grows with {n}, the number of the publication.
OLIST = {
    "marts.mart_executive_dashboard": """
        select cast(date '2017-03-05' + cast(i * 9 as integer) as date) as order_date,
            cast(10 + i * {n} as bigint) as orders,
            cast(1000.25 + i * 10.5 * {n} as decimal(18, 2)) as gmv
        from range(60) as t(i)""",
    "core.fct_orders": """
        select 'o' || i as order_id,
            timestamp '2017-03-05 22:30:00' + to_days(cast(i * 3 as integer)) as purchased_at,
            case when i % 7 > 0 then cast(1 + (i * {n}) % 5 as integer) end as review_score,
            cast(4 + {n} * (i % 9) as bigint) as days_to_deliver,
            i % 5 > 0 as is_delivered,
            case when i % 11 > 0 then i % 6 = {n} end as is_late_delivery
        from range(180) as t(i)""",
    "marts.mart_customer_analytics": """
        select segment as customer_segment, cycle as lifecycle,
            cast(len(segment) * {n} * 10 as bigint) as customers,
            cast(len(cycle) * {n} as bigint) as repeat_customers
        from (values ('VIP'), ('LOYAL'), ('ONE_TIME')) as s(segment),
            (values ('ACTIVE'), ('CHURNED')) as c(cycle)""",
    "marts.mart_product_performance": """
        select 'p' || i as product_id, ['toys', 'home', '<b>bed & bath</b>'][1 + i % 3]
            as category_name, cast(i as bigint) as orders, cast(i * 2 as bigint) as items,
            cast(i * 99.99 * {n} as decimal(18, 2)) as revenue,
            cast(4.2 as decimal(9, 2)) as avg_review_score
        from range(20) as t(i)""",
    "marts.mart_seller_scorecard": """
        select 's' || i as seller_id, 'sao paulo' as city, 'SP' as state,
            cast(i as bigint) as orders,
            cast(i * 10 * {n} as decimal(18, 2)) as gmv, cast(i * 4 as bigint) as shipped_orders,
            cast(i as bigint) as late_shipped_orders,
            cast(0.25 as decimal(9, 6)) as late_shipped_share,
            cast(4 as decimal(9, 2)) as avg_review_score, ['GOLD', 'NEW'][1 + i % 2] as tier
        from range(1, 12) as t(i)""",
    "marts.mart_delivery_metrics": """
        select cast(date '2017-03-01' + to_months(cast(i // 2 as integer)) as date) as order_month,
            ['SP', 'RJ'][1 + i % 2] as customer_state, cast(i * {n} as bigint) as late_orders
        from range(36) as t(i)""",
    "marts.mart_geographic_analysis": """
        select state, state as state_name, cast(5 as bigint) as customers,
            cast(6 as bigint) as orders,
            cast(100 * {n} as decimal(18, 2)) as gmv, cast(0.5 as decimal(9, 6)) as gmv_share,
            cast(8.5 as decimal(9, 2)) as avg_days_to_deliver
        from (values ('SP'), ('RJ')) as t(state)""",
}
TECHSTORE = {
    "consume.revenue_mensual": """
        select cast(date '2025-07-01' + to_months(cast(i as integer)) as date) as mes,
            cast(20 + i * {n} as integer) as pedidos,
            cast(1234567.89 + i * 1000 * {n} as decimal(18, 2)) as revenue,
            cast(1200.5 + i as decimal(18, 2)) as revenue_usd
        from range(12) as t(i)""",
    "consume.ventas_por_categoria": """
        select categoria, cast(len(categoria) * 1000 * {n} as decimal(18, 2)) as revenue
        from (values ('Audio'), ('Notebooks'), ('Celulares')) as t(categoria)""",
    "staging.stg_pedidos": """
        select cast(i as integer) as pedido_id, date '2025-07-01' + cast(i as integer) as fecha,
            ['entregado', 'cancelado', 'en_camino'][1 + i % 3] as estado
        from range(100) as t(i)""",
    "consume.analisis_reclamos": """
        select tipo, cast(len(tipo) * {n} as integer) as cantidad,
            cast(2 * {n} as integer) as resueltos
        from (values ('faltante'), ('demora')) as t(tipo)""",
    "consume.top_clientes": f"""
        select '{PERSON}' as cliente, 'Ushuaia' as ciudad, '{ADDRESS}' as email,
            cast(3 * {{n}} as integer) as compras, cast(999.5 as decimal(18, 2)) as total_gastado,
            cast(333.17 as decimal(18, 2)) as ticket_promedio,
            date '2026-06-01' as primera_compra, date '2026-06-03' as ultima_compra""",
    "consume.conciliacion_pagos": """
        select metodo as metodo_pago, cast(5 as integer) as transacciones,
            cast(100 * {n} as decimal(18, 2)) as monto_pedidos,
            cast(60 as decimal(18, 2)) as monto_banco, cast(40 as decimal(18, 2)) as monto_mp,
            cast(100 as decimal(9, 2)) as pct_conciliado
        from (values ('tarjeta'), ('efectivo')) as t(metodo)""",
    "staging.stg_envios": """
        select 'e' || i as envio_id, date '2025-07-02' + cast(i * 4 as integer) as fecha_despacho,
            case when i % 4 > 0 then cast(1 + (i * {n}) % 6 as integer) end as dias_habiles_entrega
        from range(80) as t(i)""",
    "consume.performance_envios": """
        select courier, cast(len(courier) * {n} as integer) as envios,
            cast({n} as integer) as devueltos
        from (values ('OCA'), ('Andreani')) as t(courier)""",
    "consume.alertas_stock": f"""
        select cast(i as integer) as producto_id,
            case when i = 0 then '{FORMULA}' else 'Producto ' || i end as producto,
            'Audio' as categoria, cast(i as integer) as stock,
            case when i < 2 then 'CRITICO' else 'BAJO' end as nivel, 'Mayorista' as proveedor,
            cast(3 as integer) as stock_proveedor, i % 2 = 0 as se_puede_reponer
        from range(5) as t(i)""",
}
# A domain of the project that declares no figures.
PHARMA = {
    "consume.fct_ventas_latam": "select 'ARG-' || i as invoice_id, {n} as n from range(3) t(i)"
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "olist": OLIST,
    "techstore": TECHSTORE,
    "pharma_latam": PHARMA,
}
_COMMENTS = {
    ("olist", "marts.mart_executive_dashboard", "gmv"): "Preço e frete dos itens, em reais.",
    ("olist", "marts.mart_executive_dashboard", "orders"): "Pedidos.",
    ("olist", "marts.mart_executive_dashboard", ""): "Um dia de compra por linha.",
}
_POSTGRES_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "HUGEINT": "numeric"}


def write_copy(folder: Path, domain: str, number: int = 1) -> Path:
    """Publish a domain as a serving copy, by a rename as the real publication does."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{domain}.next"
    beside.unlink(missing_ok=True)
    with duckdb.connect(str(beside)) as copy:
        for name, query in TABLES[domain].items():
            copy.execute(f"create schema if not exists {name.partition('.')[0]}")
            copy.execute(f"create table {name} as {query.format(n=number)}")
        for (of, name, column), said in _COMMENTS.items():
            if of == domain:
                target = f"column {name}.{column}" if column else f"table {name}"
                copy.execute(f"comment on {target} is '{said}'")
    path = folder / f"{domain}.duckdb"
    beside.replace(path)
    return path


def publish_to_postgres(url: URL, copy: Path) -> None:
    """Publish a serving copy as `<domain>_<layer>`, in one transaction, each table by a rename."""
    domain = copy.stem
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with duckdb.connect(str(copy), read_only=True) as source, psycopg.connect(plain) as target:
        target.execute("create schema if not exists aljibe")
        target.execute(
            "create table if not exists aljibe.published_domains "
            "(domain text primary key, published_at timestamptz not null)"
        )
        tables = source.execute(
            "select schema_name, table_name, comment from duckdb_tables() order by all"
        ).fetchall()
        for layer, name, comment in tables:
            _put_table(source, target, domain, layer, name, comment)
        target.execute(
            "insert into aljibe.published_domains values (%s, to_timestamp(%s)) "
            "on conflict (domain) do update set published_at = excluded.published_at",
            [domain, copy.stat().st_mtime],
        )


def _put_table(
    source: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    domain: str,
    layer: str,
    name: str,
    comment: str | None,
) -> None:
    schema = f"{domain}_{layer}"
    columns = source.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where schema_name = ? and table_name = ? order by column_index",
        [layer, name],
    ).fetchall()
    fresh, final = sql.Identifier(schema, f"{name}__next"), sql.Identifier(schema, name)
    typed = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_POSTGRES_TYPES.get(kind, kind)))
        for column, kind, _ in columns
    )
    target.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    target.execute(sql.SQL("create table {} ({})").format(fresh, typed))
    with target.cursor().copy(sql.SQL("copy {} from stdin").format(fresh)) as copy:
        for row in source.execute(f'select * from "{layer}"."{name}"').fetchall():
            copy.write_row(row)
    target.execute(sql.SQL("drop table if exists {}").format(final))
    target.execute(sql.SQL("alter table {} rename to {}").format(fresh, sql.Identifier(name)))
    if comment:
        target.execute(sql.SQL("comment on table {} is {}").format(final, sql.Literal(comment)))
    for column, _, said in columns:
        if said:
            where = sql.Identifier(schema, name, column)
            target.execute(sql.SQL("comment on column {} is {}").format(where, sql.Literal(said)))
