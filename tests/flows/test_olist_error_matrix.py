"""Each fault that olist must stand, and what becomes of it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect.client.schemas.objects import State

from demo.olist.deliveries import write_history
from demo.olist.files import table_path
from demo.olist.market import Marketplace
from flows.elt import elt
from flows.ingest import ingest
from lakehouse.settings import Settings

Query = Callable[[str], list[tuple[Any, ...]]]

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def landing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The landing folder of olist with the nine files of a small history."""
    monkeypatch.delenv("OLIST_DIR", raising=False)
    folder = settings.landing("olist")
    write_history(folder, Marketplace(7, 100))
    return folder


@pytest.fixture
def query(settings: Settings) -> Query:
    """Rows of the warehouse."""

    def read(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.warehouse("olist")), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return read


@pytest.fixture
def errors(query: Query) -> Callable[[], list[tuple[Any, ...]]]:
    """Stage, table, type and status of each load or extract error."""
    return lambda: query(
        "select pipeline_stage, table_name, error_type, resolution_status from etl.error_log "
        "where pipeline_stage in ('extract', 'load') order by error_id"
    )


def load() -> State[Any]:
    return ingest("olist", return_state=True)


def test_a_missing_file_is_told_and_its_table_keeps_the_last_load(
    landing: Path, query: Query, errors: Callable[[], list[tuple[Any, ...]]]
) -> None:
    load()
    before = query("select count(*) from raw.sellers")
    sellers = table_path(landing, "sellers")
    sellers.rename(landing / "away")
    state = load()
    assert state.name == "CompletedWithWarnings"
    assert errors() == [("extract", "olist_files.sellers", "file_missing", "OPEN")]
    assert query("select count(*) from raw.sellers") == before
    (landing / "away").rename(sellers)
    load()
    assert errors() == [("extract", "olist_files.sellers", "file_missing", "RESOLVED")]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: "\n".join([text.split("\n")[0], '"never closed,1,2']), "rows_refused"),
        (lambda text: text.replace('"seller_city"', '"city"', 1), "schema_mismatch"),
    ],
    ids=["malformed", "renamed column"],
)
def test_a_file_that_does_not_fit_is_quarantined_whole(
    landing: Path,
    query: Query,
    errors: Callable[[], list[tuple[Any, ...]]],
    change: Callable[[str], str],
    kind: str,
) -> None:
    load()
    before = query("select count(*), count(distinct _batch_id) from raw.sellers")
    sellers = table_path(landing, "sellers")
    good = sellers.read_text("utf-8")
    sellers.write_text(change(good), "utf-8")
    state = load()
    assert state.name == "CompletedWithWarnings"
    assert "is in quarantine" in str(state.message)
    assert errors() == [("load", "olist_files.sellers", kind, "OPEN")]
    assert query("select count(*), count(distinct _batch_id) from raw.sellers") == before
    sellers.write_text(good + "\n", "utf-8")
    load()
    assert errors()[0][3] == "RESOLVED"


def test_a_new_column_is_loaded_and_reported(
    landing: Path, query: Query, errors: Callable[[], list[tuple[Any, ...]]]
) -> None:
    sellers = table_path(landing, "sellers")
    lines = sellers.read_text("utf-8").rstrip("\n").split("\n")
    rows = [lines[0] + ',"seller_rating"', *(line + ",5" for line in lines[1:])]
    sellers.write_text("\n".join(rows) + "\n", "utf-8")
    state = load()
    assert "seller_rating" in str(state.message)
    assert errors() == [("load", "olist_files.sellers", "new_column", "OPEN")]
    assert query("select distinct seller_rating from raw.sellers") == [("5",)]


def test_a_value_that_does_not_convert_keeps_its_row_among_the_refused(
    landing: Path, query: Query, errors: Callable[[], list[tuple[Any, ...]]]
) -> None:
    payments = table_path(landing, "order_payments")
    lines = payments.read_text("utf-8").split("\n")
    lines[3] = ",".join([*lines[3].split(",")[:-1], "ten reais"])
    payments.write_text("\n".join(lines), "utf-8")
    state = load()
    assert state.name == "CompletedWithWarnings"
    (error,) = errors()
    assert error[:2] == ("load", "olist_files.order_payments")
    refused = query("select source_line, column_name from etl.rejected_rows")
    assert refused == [(4, "payment_value")]


def test_orphans_stay_out_of_the_fact_until_their_key_comes(landing: Path, query: Query) -> None:
    products = table_path(landing, "products")
    header, first, *others = products.read_text("utf-8").split("\n")
    product = first.split(",")[0].strip('"')
    products.write_text("\n".join([header, *others]), "utf-8")
    state = elt("olist", return_state=True)
    assert state.name == "CompletedWithWarnings"
    excluded = (
        "select count(*), count(_source_line), min(exclusion_reason) from core.excluded_rows "
        f"where missing_key = '{product}'"
    )
    sold = f"select count(*) from raw.order_items where product_id = '{product}'"
    ((orphans,),) = query(sold)
    assert orphans > 0
    assert query(excluded) == [(orphans, orphans, "product_unknown")]
    assert "no_rows_excluded_rows" in str(state.message)
    ((without,),) = query("select count(*) from core.fct_order_items")
    products.write_text("\n".join([header, first, *others]), "utf-8")
    elt("olist", return_state=True)
    assert query(excluded)[0][0] == 0
    assert query("select count(*) from core.fct_order_items") == [(without + orphans,)]


def test_a_model_that_fails_skips_what_reads_it_and_publishes_nothing(
    landing: Path,
    settings: Settings,
    query: Query,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert elt("olist", return_state=True).is_completed()
    served = settings.serving("olist").read_bytes()
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    model = project / "models/olist/core/dimensions/dim_date.sql"
    model.write_text(model.read_text("utf-8").replace("year(full_date)", "cast('x' as integer)", 1))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    state = elt("olist", return_state=True)
    assert state.is_failed()
    assert "dim_date" in str(state.message)
    assert settings.serving("olist").read_bytes() == served
    found = query(
        "select table_name, error_type, resolution_status from etl.error_log "
        "where pipeline_stage = 'transform' and error_type = 'model_failed'"
    )
    assert ("dim_date", "model_failed", "OPEN") in found
