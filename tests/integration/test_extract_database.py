"""The task that reads a database: once a flow run, again when the lake has lost what it read."""

from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect_sqlalchemy import SqlAlchemyConnector
from servers.database_source import DatabaseSource

from lakehouse.errors import DatabaseUnavailable
from tasks.extract_database import extract_database

pytestmark = pytest.mark.integration

SOURCES = """
sources:
  - name: shop
    schema: raw
    config: {meta: {connector: database, block: shop-database}}
    tables:
      - name: orders
        config: {meta: {load: snapshot, key: [id]}}
        columns: [{name: id, data_type: integer}, {name: name, data_type: varchar}]
      - name: lines
        config: {meta: {load: incremental, key: [id], cursor: id}}
        columns: [{name: id, data_type: integer}, {name: name, data_type: varchar}]
"""


@pytest.fixture
def shop(
    mysql_source: DatabaseSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DatabaseSource:
    """A source of two tables, declared in a project, behind a saved block."""
    for name in ("orders", "lines"):
        mysql_source.run(
            f"create table `{name}` (id int primary key, name varchar(20))",
            f"insert into `{name}` select seq, 'x' from seq_1_to_10",
        )
    folder = tmp_path / "project" / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(SOURCES)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path / "project"))
    url = mysql_source.url.render_as_string(hide_password=False)
    SqlAlchemyConnector(connection_info=url).save("shop-database", overwrite=True)
    return mysql_source


@flow
def read_shop(refresh: str | None = None) -> list[list[dict[str, Any]]]:
    return [extract_database("shop", "shop", refresh) for _ in range(2)]


def statuses(loads: list[dict[str, Any]]) -> list[str]:
    return [file["status"] for load in loads for file in load["deliveries"]]


@pytest.mark.long
def test_a_source_is_read_once_a_window_and_again_when_its_batches_are_gone(
    shop: DatabaseSource,
) -> None:
    first, second = read_shop()
    assert statuses(first) == ["loaded", "loaded"]
    assert second == first, "the same flow run does not read again"
    assert [statuses(loads) for loads in read_shop()] == [["known", "loaded"]] * 2
    shop.run("insert into orders values (11, 'new')")
    assert statuses(read_shop("today")[0]) == ["loaded", "known"]
    shop.run("insert into orders values (12, 'newer')")
    assert statuses(read_shop("today")[0]) == ["loaded", "known"], "from the cache"
    (newest,) = shop.raw_count("orders")
    assert newest == 11
    for file in shop.lake.settings.raw.rglob("orders/**/*.parquet"):
        file.unlink()
    read_shop("today")
    assert shop.raw_count("orders") == (12,)


@pytest.mark.long
def test_a_server_that_is_away_is_tried_again(
    shop: DatabaseSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def away(*_: object, **__: object) -> None:
        tries.append(1)
        raise DatabaseUnavailable("away")

    monkeypatch.setattr("tasks.extract_database.load_tables", away)

    @flow
    def read_once() -> None:
        extract_database.with_options(retry_delay_seconds=0)("shop", "shop")

    with pytest.raises(DatabaseUnavailable):
        read_once()
    assert len(tries) == 4
