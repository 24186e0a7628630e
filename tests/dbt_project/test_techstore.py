"""What the models of techstore make of a generated shop, with real dbt builds."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from demo import techstore_database, techstore_feeds, techstore_records
from demo.techstore_shop import Shop

ROOT = Path(__file__).resolve().parents[2]
SHOP = Shop(seed=11)
MARTS = (
    "revenue_mensual",
    "top_clientes",
    "ventas_por_categoria",
    "conciliacion_pagos",
    "performance_envios",
    "analisis_reclamos",
    "alertas_stock",
)
STAGED = (
    "stg_clientes",
    "stg_productos",
    "stg_pedidos",
    "stg_detalle_pedidos",
    "stg_pagos_banco",
    "stg_envios",
    "stg_envios_tracking",
    "stg_catalogo_proveedor",
    "stg_liquidacion_mp",
    "stg_reclamos",
    "stg_dolar",
    "stg_feriados",
)
CENT = Decimal("0.01")
# The first build has run them; data change nothing about them.
DATA_ONLY = ("--exclude-resource-type", "unit_test")
CATALOGUE = [
    (f"PROV-{n:04d}", "Producto", "Audio", 10, 8, n % 3, "si" if n % 3 else "no", "Ñu", "Río", "")
    for n in range(1, SHOP.products + 1)
]


def rows_of_the_shop() -> dict[tuple[str, str, str], list[tuple]]:
    """Rows by source, table and delivery, in the order of each contract."""

    def values(records):
        return [tuple(record.values()) for record in records]

    quotes = [
        (quote["casa"], quote["compra"], quote["venta"], quote["fecha"])
        for house in ("blue", "oficial")
        for quote in techstore_feeds.quotes_of(SHOP, house)
    ]
    return {
        ("techstore_mysql", "clientes", "db"): list(techstore_database.client_rows(SHOP)),
        ("techstore_mysql", "productos", "db"): list(techstore_database.product_rows(SHOP)),
        ("techstore_mysql", "pedidos", "db"): list(techstore_database.order_rows(SHOP)),
        ("techstore_mysql", "detalle_pedidos", "db"): list(techstore_database.line_rows(SHOP)),
        ("techstore_sftp", "pagos_banco", "p.csv"): values(techstore_records.bank_payments(SHOP)),
        ("techstore_sftp", "envios_courier", "e.json"): values(techstore_records.shipments(SHOP)),
        ("techstore_sftp", "catalogo_proveedor", "c.xml"): CATALOGUE,
        ("techstore_sftp", "liquidacion_mp", "l.xlsx"): values(techstore_records.settlements(SHOP)),
        ("techstore_sftp", "reclamos", "r.txt"): values(techstore_records.claims(SHOP)),
        ("techstore_dolar", "dolar_historico", "blue"): quotes,
        ("techstore_dolar", "dolar", "now"): [
            tuple(quote.values())[:6] for quote in techstore_feeds.quotes_now(SHOP)
        ],
        ("techstore_feriados", "feriados", "years"): [
            (*holiday.values(), str(year))
            for year in (2025, 2026)
            for holiday in techstore_feeds.holidays(year)
        ],
    }


@pytest.fixture(scope="module")
def shop_deliveries(delivery):
    """The shop's deliveries; `changed` replaces rows of tables, `day` numbers the load."""
    rows = rows_of_the_shop()

    def make(changed=None, day=1):
        return [
            delivery(table, file, (changed or {}).get(table, found), sequence=day, source=source)
            for (source, table, file), found in rows.items()
        ]

    return make


@pytest.fixture(scope="module")
def techstore(project, tmp_path_factory):
    return type(project)(ROOT / "dbt", tmp_path_factory.mktemp("techstore"), "techstore")


@pytest.fixture(scope="module")
def first_build(techstore, shop_deliveries):
    return techstore.scenario(shop_deliveries())


def content(build) -> dict[str, list[tuple]]:
    """Every mart and every staged table, without what says which load brought a row."""
    found = {f"consume.{name}": build.query(f"from consume.{name} order by all") for name in MARTS}
    technical = "columns(c -> c not in ('_batch_id', '_extracted_at'))"
    for name in STAGED:
        found[f"staging.{name}"] = build.query(
            f"select {technical} from staging.{name} order by all"
        )
    return found


def changed_rows(table: str, change) -> dict[str, list[tuple]]:
    """Rows of one table, through a function."""
    ((_, rows),) = ((key, rows) for key, rows in rows_of_the_shop().items() if key[1] == table)
    return {table: change(rows)}


def sales() -> dict[int, Decimal]:
    """Revenue by order number, by hand: lines of orders that are not cancelled."""
    return {
        order.pedido_id: sum((line.subtotal for line in order.lines), Decimal(0))
        for order in SHOP.all_orders()
        if order.estado != "cancelado"
    }


def test_the_generated_shop_builds_with_the_warnings_it_means_to_show(first_build):
    assert first_build.returncode == 0, first_build.output[-3000:]
    assert first_build.not_passed() == {"unique_stg_clientes_email": "warn"}


def test_there_are_twelve_staged_tables_and_seven_marts_and_all_are_tables(first_build):
    relations = first_build.query(
        "select table_schema, table_name, table_type from information_schema.tables "
        "where table_schema in ('staging', 'consume')"
    )
    assert sorted(relations) == sorted(
        [("staging", name, "BASE TABLE") for name in STAGED]
        + [("consume", name, "BASE TABLE") for name in MARTS]
    )


def test_revenue_by_month_is_what_the_orders_say(first_build):
    expected = defaultdict(lambda: [0, Decimal(0), set()])
    revenue = sales()
    for order in SHOP.all_orders():
        if order.pedido_id in revenue:
            month = expected[order.fecha.replace(day=1)]
            month[0] += 1
            month[1] += revenue[order.pedido_id]
            month[2].add(order.cliente_id)
    assert first_build.query(
        "select mes, pedidos, revenue, ticket_promedio, clientes_unicos "
        "from consume.revenue_mensual order by mes"
    ) == [
        (month, count, total, (total / count).quantize(CENT), len(clients))
        for month, (count, total, clients) in sorted(expected.items())
    ]


def test_revenue_in_dollars_is_at_the_last_quote_on_or_before_each_order(first_build):
    blue = {quote["fecha"]: quote["venta"] for quote in techstore_feeds.quotes_of(SHOP, "blue")}
    days = sorted(blue)
    expected = defaultdict(float)
    revenue = sales()
    for order in SHOP.all_orders():
        if order.pedido_id in revenue:
            day = max(day for day in days if day <= order.fecha.isoformat())
            month = order.fecha.replace(day=1)
            expected[month] += float(revenue[order.pedido_id]) / blue[day]
    found = dict(first_build.query("select mes, revenue_usd from consume.revenue_mensual"))
    assert set(found) == set(expected)
    for month, dollars in expected.items():
        assert float(found[month]) == pytest.approx(dollars, abs=0.02)


def test_revenue_by_category_and_by_month_is_the_same_and_leaves_cancelled_orders_out(first_build):
    total = sum(sales().values())
    cancelled = sum(o.total for o in SHOP.all_orders() if o.estado == "cancelado")
    assert cancelled > 0
    assert first_build.query(
        "select (select sum(revenue) from consume.revenue_mensual), "
        "(select sum(revenue) from consume.ventas_por_categoria)"
    ) == [(total, total)]


def test_the_best_clients_are_the_twenty_who_spent_most(first_build):
    spent = defaultdict(Decimal)
    revenue = sales()
    for order in SHOP.all_orders():
        if order.pedido_id in revenue:
            spent[order.cliente_id] += revenue[order.pedido_id]
    best = sorted(spent.values(), reverse=True)[:20]
    rows = first_build.query("select total_gastado from consume.top_clientes order by 1 desc")
    assert [row[0] for row in rows] == best


@pytest.mark.long
def test_a_second_day_of_the_same_deliveries_changes_no_mart(
    techstore, shop_deliveries, first_build
):
    first = content(first_build)
    second_day = shop_deliveries(day=2)
    snapshots = {"clientes", "productos", "pedidos", "detalle_pedidos", "catalogo_proveedor"}
    snapshots |= {"dolar_historico", "feriados"}
    # Of a snapshot the newest counts; of files and quotes both days do, as under two names.
    superseded = [
        type(one)(one.table, one.file, one.rows, 1, one.table not in snapshots, one.source)
        for one in shop_deliveries(day=1)
    ]
    again = techstore.scenario([*superseded, *second_day], *DATA_ONLY)
    assert again.not_passed() == first_build.not_passed()
    assert again.query("select count(*) from raw.pedidos") == [(2 * SHOP.orders,)]
    assert again.query("select count(*) from raw.pagos_banco") == [
        (2 * len(list(techstore_records.bank_payments(SHOP))),)
    ]
    assert content(again) == first


@pytest.mark.long
def test_a_second_build_of_the_same_day_changes_no_mart(techstore, first_build):
    techstore.return_to(first_build)
    assert content(techstore.dbt("build", *DATA_ONLY)) == content(first_build)


def test_two_payments_of_an_order_do_not_double_what_was_ordered(first_build):
    payments = list(techstore_records.bank_payments(SHOP))
    twice = len(payments) - len({payment["pedido_id"] for payment in payments})
    assert twice > 0
    ordered, banked = defaultdict(Decimal), defaultdict(Decimal)
    count = defaultdict(int)
    for payment in payments:
        method = SHOP.order(payment["pedido_id"]).metodo_pago
        banked[method] += payment["monto"]
    for order in SHOP.all_orders():
        ordered[order.metodo_pago] += order.total
        count[order.metodo_pago] += 1
    assert first_build.query(
        "select metodo_pago, transacciones, monto_pedidos, monto_banco "
        "from consume.conciliacion_pagos order by 1"
    ) == [(name, count[name], ordered[name], banked[name]) for name in sorted(ordered)]


def test_clients_without_an_email_all_stay_and_those_who_share_one_are_told(first_build):
    clients = [SHOP.client(number) for number in range(1, SHOP.clients + 1)]
    without = sum(client.email is None for client in clients)
    assert without > 1
    assert first_build.query(
        "select count(*), count(*) filter (email is null), "
        "count(*) filter (email is null and email_compartido), "
        "count(*) filter (email_compartido) from staging.stg_clientes"
    ) == [(SHOP.clients, without, 0, 6)]


def test_an_account_number_keeps_its_leading_zeros(first_build):
    assert first_build.query(
        "select count(*), min(length(cbu)), max(length(cbu)) "
        "from staging.stg_pagos_banco where cbu like '00%'"
    ) == [(len(list(techstore_records.bank_payments(SHOP))), 22, 22)]


@pytest.mark.long
def test_a_month_without_a_quote_has_no_dollars_and_is_a_warning(
    techstore, shop_deliveries, first_build
):
    build = techstore.scenario(shop_deliveries({"dolar_historico": [], "dolar": []}), *DATA_ONLY)
    assert build.returncode == 0
    assert build.not_passed() == {
        **first_build.not_passed(),
        "not_null_revenue_mensual_revenue_usd": "warn",
    }
    pesos = "select mes, revenue from consume.revenue_mensual order by mes"
    assert build.query(pesos) == first_build.query(pesos)
    assert build.query("select count(revenue_usd) from consume.revenue_mensual") == [(0,)]


@pytest.mark.long
def test_an_order_of_a_client_that_does_not_exist_is_an_error_and_stops_what_needs_both(
    techstore, shop_deliveries, first_build
):
    techstore.return_to(first_build)
    order = (9999, 424242, "2026-06-30", "entregado", "efectivo", "10.00")
    techstore.deliver(shop_deliveries(changed_rows("pedidos", lambda rows: [*rows, order])))
    build = techstore.dbt("build", *DATA_ONLY)
    assert build.returncode == 1
    failed = {name for name, status in build.not_passed().items() if status == "fail"}
    assert failed == {
        "relationships_stg_pedidos_cliente_id__cliente_id__ref_stg_clientes_",
    }
    assert build.status("top_clientes") == "skipped"
    assert content(build)["consume.top_clientes"] == content(first_build)["consume.top_clientes"]


@pytest.mark.parametrize(
    ("table", "test"),
    [
        ("clientes", "unique_stg_clientes_cliente_id"),
        ("pagos_banco", "unique_stg_pagos_banco_pago_id"),
        ("reclamos", "unique_stg_reclamos_reclamo_id"),
    ],
)
@pytest.mark.long
def test_a_key_that_stands_twice_in_one_delivery_is_an_error(
    techstore, shop_deliveries, table, test
):
    twice = changed_rows(table, lambda rows: [*rows, rows[0]])
    build = techstore.scenario(shop_deliveries(twice), *DATA_ONLY)
    assert build.returncode == 1
    assert build.status(test) == "fail"


@pytest.mark.long
def test_what_only_warns_is_named_and_stops_nothing(techstore, shop_deliveries, first_build):
    def broken(rows):
        number, _, *rest = rows[0]
        first = (number, 424242, *rest)
        return [first, *rows[1:]]

    build = techstore.scenario(shop_deliveries(changed_rows("pagos_banco", broken)), *DATA_ONLY)
    assert build.returncode == 0
    assert build.not_passed() == {
        **first_build.not_passed(),
        "relationships_stg_pagos_banco_pedido_id__pedido_id__ref_stg_pedidos_": "warn",
    }
    orphan = build.query(
        "select transacciones, monto_banco > 0 from consume.conciliacion_pagos "
        "where metodo_pago = 'sin pedido'"
    )
    assert orphan == [(0, True)]


def test_totals_that_differ_are_noticed(techstore, first_build):
    techstore.return_to(first_build)
    with duckdb.connect(str(techstore.warehouse)) as connection:
        connection.execute("update consume.revenue_mensual set revenue = revenue + 0.01")
    name = "assert_revenue_by_month_and_by_category_is_the_same"
    build = techstore.dbt("test", "--select", name)
    assert build.status(name) == "fail"
    assert build.returncode == 1
