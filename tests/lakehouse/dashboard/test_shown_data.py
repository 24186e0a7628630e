"""What the dashboard shows: the figures of one publication, and on bad days what is wrong."""

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from servers.published_tables import ADDRESS, FORMULA, PERSON, TABLES, write_copy
from shown_page import big, csv_rows, figure, one_row, text_of
from sqlalchemy import func, select
from starlette.testclient import TestClient

from lakehouse.dashboard.site import Site
from lakehouse.publish.serving_copy import PublishedTable, write_serving_copy
from lakehouse.quality.masking import MASK
from lakehouse.settings import Settings


def test_nothing_published_is_said_and_is_no_fault(reader: TestClient) -> None:
    answer = reader.get("/", headers={"accept-language": "es"})
    assert answer.status_code == 200
    assert "Todavía no se publicó nada" in answer.text
    assert reader.get("/domains/olist").status_code == 404
    assert reader.get("/domains/..%2f..%2fetc").status_code == 404


def test_a_domain_that_fails_does_not_take_the_others_away(
    reader: TestClient, published: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = published("techstore")
    published("olist")
    path.write_bytes(b"this is no database" * 1000)
    overview = reader.get("/")
    assert overview.status_code == 200
    assert "techstore cannot be shown now" in overview.text
    assert "aljibe run techstore" in overview.text
    assert text_of(overview.text, "//dl//dd")[0] == "2,370"
    assert reader.get("/domains/olist").status_code == 200
    broken = reader.get("/domains/techstore")
    assert broken.status_code == 503
    assert "This cannot be shown now" in broken.text
    assert "techstore" in caplog.text


def test_a_page_shows_the_publication_of_its_moment_without_a_restart(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    for number in (1, 2, 3):
        path = published("olist", number)
        (expected,) = one_row(path, "select sum(orders) from marts.mart_executive_dashboard")
        assert big(reader.get("/domains/olist").text, "painel_executivo-pedidos") == f"{expected:,}"


def test_a_publication_that_is_being_read_stays_and_can_be_replaced(
    settings: Settings, published: Callable[..., Path], tmp_path: Path
) -> None:
    published("olist", 1)
    warehouse = write_copy(tmp_path / "warehouse", "olist", 2)
    tables = [
        PublishedTable(schema, name, "", {})
        for schema, _, name in (full.partition(".") for full in TABLES["olist"])
    ]
    data = Site.of(settings).data
    with data.open("olist") as before:
        write_serving_copy(warehouse, settings.serving("olist"), tables, memory="256MB")
        with data.open("olist") as after:
            for name, column in (
                ("marts.mart_executive_dashboard", "orders"),
                ("core.fct_orders", "days_to_deliver"),
            ):
                query = select(func.sum(before.tables[name].clause.c[column]))
                assert before.rows(query) != after.rows(query)


FIGURES = [
    ("olist", "painel_executivo-gmv", "select sum(gmv) from marts.mart_executive_dashboard"),
    ("olist", "painel_de_clientes-nota", "select avg(review_score) from core.fct_orders"),
    (
        "olist",
        "painel_de_entregas-prazo",
        "select avg(days_to_deliver) from core.fct_orders where is_delivered",
    ),
    ("techstore", "tablero_comercial-ingresos", "select sum(revenue) from consume.revenue_mensual"),
    (
        "techstore",
        "conciliacion_de_cobros-banco",
        "select sum(monto_banco) from consume.conciliacion_pagos",
    ),
]


@pytest.mark.parametrize(("domain", "anchor", "query"), FIGURES)
def test_a_number_is_that_of_sql_on_the_published_data(
    domain: str, anchor: str, query: str, reader: TestClient, published: Callable[..., Path]
) -> None:
    (expected,) = one_row(published(domain), query)
    digits = Decimal(re.sub(r"[^\d.]", "", big(reader.get(f"/domains/{domain}").text, anchor)))
    assert abs(digits - Decimal(str(expected))) <= Decimal("0.05")
    board, _, name = anchor.partition("-")
    rows = csv_rows(reader, f"/domains/{domain}/figures/{board}/{name}.csv")
    assert rows[0] == [name]
    assert Decimal(rows[1][0]) == Decimal(str(expected))


SHARES = {
    "painel_de_entregas-atraso": "select avg(is_late_delivery::int) from core.fct_orders "
    "where is_delivered",
    "painel_de_vendedores-postagem_atrasada": "select sum(late_shipped_orders) / "
    "sum(shipped_orders) from marts.mart_seller_scorecard",
}


@pytest.mark.parametrize("anchor", SHARES)
def test_a_share_is_written_as_a_percentage(
    anchor: str, reader: TestClient, published: Callable[..., Path]
) -> None:
    (expected,) = one_row(published("olist"), SHARES[anchor])
    shown = big(reader.get("/domains/olist").text, anchor)
    assert shown.endswith("%")
    assert abs(float(shown.rstrip("%")) - 100 * expected) <= 0.05


def test_months_and_bars_are_those_of_sql(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    path = published("olist")
    page = reader.get("/domains/olist").text
    with duckdb.connect(str(path), read_only=True) as connection:
        months = connection.execute(
            "select date_trunc('month', order_date), sum(gmv) "
            "from marts.mart_executive_dashboard group by all order by all"
        ).fetchall()
        bars = connection.execute(
            "select category_name, sum(revenue) from marts.mart_product_performance "
            "group by all order by 2 desc"
        ).fetchall()
    shown = figure(page, "painel_executivo-gmv_por_mes")
    assert [one.text_content() for one in shown.xpath(".//td[@class='n']")] == [
        f"R${value:,.2f}" for _, value in months
    ]
    assert len(shown.xpath(".//*[@class='bar']")) == len(months) == 18
    bars_shown = figure(page, "painel_do_catalogo-categorias")
    assert [one.text_content() for one in bars_shown.xpath(".//tr/th | .//tr/td[@class='n']")] == [
        part for name, value in bars for part in (name, f"R${value:,.2f}")
    ]
    assert "&lt;b&gt;bed &amp; bath" in page
    rows = csv_rows(reader, "/domains/olist/figures/painel_executivo/gmv_por_mes.csv")
    assert rows == [["month", "gmv_por_mes"], *([str(m)[:10], str(v)] for m, v in months)]


def test_a_period_changes_what_has_dates_and_nothing_else(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    path = published("olist")
    period = "from=2018-01-01&to=2018-03-31"
    page = reader.get(f"/domains/olist?{period}").text
    (orders,) = one_row(
        path,
        "select sum(orders) from marts.mart_executive_dashboard "
        "where order_date between '2018-01-01' and '2018-03-31'",
    )
    (score,) = one_row(
        path,
        "select avg(review_score) from core.fct_orders "
        "where purchased_at >= '2018-01-01' and purchased_at < '2018-04-01'",
    )
    assert big(page, "painel_executivo-pedidos") == f"{orders:,}"
    shown = big(page, "painel_de_clientes-nota")
    assert float(shown) == pytest.approx(score, abs=0.006)
    assert len(figure(page, "painel_executivo-gmv_por_mes").xpath(".//*[@class='bar']")) == 3
    (people,) = one_row(path, "select sum(customers) from marts.mart_customer_analytics")
    assert big(page, "painel_de_clientes-pessoas") == f"{people:,}"
    rows = csv_rows(reader, f"/domains/olist/figures/painel_executivo/pedidos.csv?{period}")
    assert rows[1] == [str(orders)]
    empty = reader.get("/domains/olist?from=2001-01-01&to=2001-12-31")
    assert empty.status_code == 200
    assert "Nothing in this period" in empty.text


@pytest.mark.parametrize(
    "asked", ["from=yesterday", "to=2018-13-01", "from=2018-02-01&to=2018-01-01"]
)
def test_a_period_that_cannot_be_used_is_said(
    asked: str, reader: TestClient, published: Callable[..., Path]
) -> None:
    published("olist")
    answer = reader.get(f"/domains/olist?{asked}")
    assert answer.status_code == 200
    assert "so everything is shown" in text_of(answer.text, "//*[@role='alert']")[0]
    assert big(answer.text, "painel_executivo-pedidos") == "2,370"


def test_definition_and_time_stand_beside_a_figure(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    published("olist")
    page = reader.get("/domains/olist", headers={"accept-language": "pt"}).text
    about = figure(page, "painel_executivo-gmv").xpath(".//details")[0].text_content()
    assert "Preço e frete dos itens, em reais" in about
    assert "marts.mart_executive_dashboard" in about
    assert "Dados de" in text_of(page, "//p[contains(@class, 'as-of')]")[0]


def test_personal_data_is_masked_on_pages_and_in_files(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    published("techstore")
    for path in (
        "/domains/techstore",
        "/domains/techstore/tables/consume/top_clientes",
        "/domains/techstore/tables/consume/top_clientes.csv",
        "/domains/techstore/figures/tablero_comercial/mejores_clientes.csv",
    ):
        answer = reader.get(path)
        assert answer.status_code == 200
        assert MASK in answer.text
        assert PERSON not in answer.text
        assert ADDRESS not in answer.text
        assert "Ushuaia" in answer.text


def test_of_a_domain_that_the_project_does_not_declare_no_row_is_shown(
    reader: TestClient, published: Callable[..., Path], settings: Settings
) -> None:
    published("techstore").rename(settings.serving("stranger"))
    page = reader.get("/domains/stranger/tables/consume/top_clientes")
    assert page.status_code == 200
    assert PERSON not in page.text
    assert "Ushuaia" not in page.text
    assert "no row of it is shown" in page.text
    csv_answer = reader.get("/domains/stranger/tables/consume/top_clientes.csv")
    assert csv_answer.status_code == 404


def test_another_domain_shows_its_tables_with_rows_and_first_rows(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    published("pharma_latam")
    overview = reader.get("/")
    assert "/domains/pharma_latam/tables" in overview.text
    tables = reader.get("/domains/pharma_latam/tables").text
    assert text_of(tables, "//tbody//td[@class='n']")[0] == "3"
    table = reader.get("/domains/pharma_latam/tables/consume/fct_ventas_latam").text
    assert [row[:5] for row in text_of(table, "//tbody/tr")[:3]] == ["ARG-0", "ARG-1", "ARG-2"]
    assert reader.get("/domains/pharma_latam").status_code == 200
    assert reader.get("/domains/pharma_latam/tables/consume/nope").status_code == 404


def test_a_file_is_what_spreadsheets_and_programs_read(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    published("techstore")
    answer = reader.get("/domains/techstore/tables/consume/alertas_stock.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    name = 'attachment; filename="techstore.consume.alertas_stock.csv"'
    assert answer.headers["content-disposition"] == name
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["producto_id", "producto", "categoria"]
    assert rows[1][1] == f"'{FORMULA}"
    assert rows[2][-1] == "false"
    assert len(rows) == 6


def test_a_full_disk_is_said_instead_of_a_file_that_ends_early(
    reader: TestClient, published: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    published("olist")

    class FullDisk(io.BytesIO):
        def __init__(self, **_options: object) -> None:
            super().__init__()

        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("lakehouse.dashboard.csv_file.tempfile.SpooledTemporaryFile", FullDisk)
    answer = reader.get("/domains/olist/tables/core/fct_orders.csv")
    assert answer.status_code == 503
    assert "No space left on device" in answer.text
    assert "content-disposition" not in answer.headers


def test_a_figure_whose_table_is_not_published_says_so_and_leaves_the_others(
    reader: TestClient, published: Callable[..., Path]
) -> None:
    with duckdb.connect(str(published("olist"))) as connection:
        connection.execute("drop table core.fct_orders")
        connection.execute("alter table marts.mart_product_performance drop column revenue")
    page = reader.get("/domains/olist").text
    assert "needs fct_orders, which is not published" in page
    assert "needs mart_product_performance.revenue" in page
    assert big(page, "painel_executivo-pedidos") == "2,370"
    gone = reader.get("/domains/olist/figures/painel_de_clientes/nota.csv")
    assert gone.status_code == 404


def test_a_chosen_language_is_kept(reader: TestClient, published: Callable[..., Path]) -> None:
    published("olist")
    assert '<html lang="pt">' in reader.get("/domains/olist?lang=pt").text
    assert '<html lang="pt">' in reader.get("/", headers={"accept-language": "es"}).text
    assert '<html lang="en">' in reader.get("/?lang=en&x=%3Cscript%3E").text
