"""techstore through the real flows: a database, a real SFTP server and a real HTTP server."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.techstore_shop import Shop
from demo.techstore_sources import running_sources, write_sources
from flows.elt import elt
from flows.publish import publish
from lakehouse.settings import Settings, load_settings

DOMAIN = "techstore"
MARTS = (
    "revenue_mensual",
    "top_clientes",
    "ventas_por_categoria",
    "conciliacion_pagos",
    "performance_envios",
    "analisis_reclamos",
    "alertas_stock",
)
REVENUE = "select sum(revenue) from consume.revenue_mensual"
BY_CATEGORY = "select sum(revenue) from consume.ventas_por_categoria"


@contextmanager
def serving(settings: Settings) -> Iterator[Callable[[str], list[tuple]]]:
    with duckdb.connect(str(settings.serving(DOMAIN)), read_only=True) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@dataclass
class Techstore:
    """A home, and the shop's systems as they stand."""

    settings: Settings
    sources: Path

    def run(self) -> Any:
        """Run `elt` once, with the servers up."""
        with running_sources(self.sources):
            return elt(DOMAIN, return_state=True)

    def marts(self) -> dict[str, list[tuple]]:
        """What readers see."""
        with serving(self.settings) as query:
            return {name: query(f"from consume.{name} order by all") for name in MARTS}

    def change(self, *statements: str) -> None:
        """Change the database as no foreign key would allow."""
        with closing(sqlite3.connect(self.sources / "techstore.db")) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Iterator[tuple[Techstore, Any]]:
    folder = tmp_path_factory.mktemp("techstore")
    write_sources(Shop(), folder / "sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", str(folder / "home"))
        techstore = Techstore(load_settings(), folder / "sources")
        yield techstore, techstore.run()


@pytest.fixture
def techstore(first_run) -> Iterator[Techstore]:
    """The shop after its first run; what a test does to its systems is undone."""
    techstore, _ = first_run
    kept = techstore.sources.with_name("kept")
    shutil.copytree(techstore.sources, kept)
    yield techstore
    shutil.rmtree(techstore.sources)
    kept.rename(techstore.sources)


@pytest.mark.long
def test_the_first_run_publishes_each_table_once_with_values_as_they_were_delivered(first_run):
    techstore, state = first_run
    assert state.name == "CompletedWithWarnings", state.message
    assert "unique_stg_clientes_email (6 rows)" in state.message
    assert all(techstore.marts().values())
    with serving(techstore.settings) as query:
        relations = query("select table_schema, table_name from information_schema.tables")
        assert len(relations) == len(set(relations)) == 31
        assert {schema for schema, _ in relations} == {"raw", "staging", "consume"}
        assert query(REVENUE) == query(BY_CATEGORY)
        nested = query("select tracking_history from raw.envios_courier limit 1")[0][0]
        assert set(nested[0]) == {"estado", "fecha", "ubicacion"}
        zeros = "select bool_and(cbu like '00%' and length(cbu) = 22) from raw.pagos_banco"
        assert query(zeros) == [(True,)]


@pytest.mark.long
def test_a_second_run_of_the_day_has_nothing_new_and_a_second_day_doubles_nothing(techstore):
    before = techstore.marts()
    again = techstore.run()
    assert again.name == "CompletedWithWarnings"
    assert "techstore: nothing new in 12 tables" in again.message
    assert techstore.marts() == before

    # Of the second day every row is delivered again, with one order more.
    techstore.change(
        "insert into pedidos values (501, 1, '2026-07-04', 'entregado', 'efectivo', '150.00')",
        "insert into detalle_pedidos values (9001, 501, 1, 2, '100.00', '0.25', '150.00')",
    )
    upload = techstore.sources / "sftp" / "upload"
    shutil.copy(upload / "reclamos.txt", upload / "reclamos_2.txt")
    payments = (upload / "pagos_banco.csv").read_text("utf-8")
    payments += f"PAG-90001,501,2026-07-06,150.00,BBVA,{1:022d},acreditado,1.20,debito\n"
    (upload / "pagos_banco_2.csv").write_text(payments, encoding="utf-8")
    second_day = techstore.run()
    assert second_day.name == "CompletedWithWarnings", second_day.message
    after = techstore.marts()
    with serving(techstore.settings) as query:
        assert query("select count(*) from raw.pedidos") == [(500 + 501,)]
        assert query("select count(*) from staging.stg_pedidos") == [(501,)]
        assert query(REVENUE) == query(BY_CATEGORY)
        (july,) = query("from consume.revenue_mensual where mes = date '2026-07-01'")
        blue = "select max_by(venta, fecha) from staging.stg_dolar where casa = 'blue'"
        last_quote = float(query(blue)[0][0])
    assert [int(value) for value in july[1:4]] == [1, 150, 150]
    # A Saturday: the quote of the last day before it counts.
    assert float(july[5]) == pytest.approx(150 / last_quote, abs=0.005)
    unchanged = ("performance_envios", "analisis_reclamos", "alertas_stock")
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert set(before["revenue_mensual"]) < set(after["revenue_mensual"])
    (cash,) = (row for row in after["conciliacion_pagos"] if row[0] == "efectivo")
    (cash_before,) = (row for row in before["conciliacion_pagos"] if row[0] == "efectivo")
    assert [int(a - b) for a, b in zip(cash[1:4], cash_before[1:4], strict=True)] == [1, 150, 150]


@pytest.mark.long
def test_a_failed_error_test_stops_the_publish_and_readers_keep_the_last_good_state(techstore):
    file = techstore.settings.serving(DOMAIN)
    before, number = techstore.marts(), file.stat().st_ino
    techstore.change(
        "insert into pedidos values (502, 424242, '2026-06-30', 'entregado', 'efectivo', '10.00')",
        "insert into detalle_pedidos values (9002, 502, 1, 1, '10.00', '0', '10.00')",
    )
    state = techstore.run()
    assert state.name == "Failed"
    assert "Nothing was published" in state.message
    assert "relationships_stg_pedidos_cliente_id__cliente_id__ref_stg_clientes_" in state.message
    assert file.stat().st_ino == number
    assert techstore.marts() == before
    refused = publish(DOMAIN, return_state=True)
    assert refused.name == "Failed"
    assert techstore.marts() == before


@pytest.mark.long
def test_apis_that_are_down_are_warnings_and_the_rest_is_published(tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    techstore = Techstore(load_settings(), tmp_path / "sources")
    write_sources(Shop(), techstore.sources)
    shutil.rmtree(techstore.sources / "http" / "v1")
    state = techstore.run()
    assert state.name == "CompletedWithWarnings", state.message
    assert "techstore_dolar.dolar" in state.message
    with serving(techstore.settings) as query:
        assert query(REVENUE)[0][0] > 0
        assert query("select count(revenue_usd) from consume.revenue_mensual") == [(0,)]
        assert query("select count(dias_habiles_entrega) > 0 from staging.stg_envios") == [(True,)]


def test_a_variable_that_is_missing_fails_at_once_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    for name in ("TECHSTORE_DATABASE_URL", "TECHSTORE_SFTP_HOST", "TECHSTORE_DOLAR_URL"):
        monkeypatch.delenv(name, raising=False)
    state = elt(DOMAIN, return_state=True)
    assert state.name == "Failed"
    assert "TECHSTORE_" in state.message
    assert "is not set" in state.message
