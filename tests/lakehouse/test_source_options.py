"""What a contract says to each connector and format, and what it refuses."""

import copy
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.connector_options import YearRange
from lakehouse.errors import CatalogInvalid
from lakehouse.source_catalog import Table, load_catalog

BY_CONNECTOR: dict[str, dict[str, Any]] = {
    "files": {"load": "append", "pattern": "*.csv"},
    "sftp": {"load": "append", "pattern": "*.csv"},
    "database": {"load": "snapshot"},
    "api": {"load": "snapshot", "path": "/v1/x"},
}


@pytest.fixture
def table_of(tmp_path: Path):
    """`table_of("api", {meta}, [columns])`: the table that this YAML declares."""

    def make(connector: str, meta: dict[str, Any], columns: Any = ("id",)) -> Table:
        columns = [{"name": c} if isinstance(c, str) else copy.deepcopy(c) for c in columns]
        own = {**BY_CONNECTOR[connector], **meta}
        source = {
            "name": "shop",
            "config": {"meta": {"connector": connector, "block": "shop"}},
            "tables": [{"name": "sales", "config": {"meta": own}, "columns": columns}],
        }
        folder = tmp_path / "models/shop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_shop__sources.yml").write_text(yaml.safe_dump({"sources": [source]}))
        return load_catalog(tmp_path, "shop").table("shop", "sales")

    return make


def test_options_stand_beside_each_other_in_yaml(table_of):
    table = table_of("sftp", {"format": "xlsx", "sheet": "Liquidaciones", "header_row": 3})
    assert (table.meta.file.sheet, table.meta.file.header_row) == ("Liquidaciones", 3)
    table = table_of("database", {"relation": "Order Details", "invalid_dates": "fail"})
    assert table.meta.database.relation == "Order Details"
    table = table_of("api", {"each": {"year": {"first": 2023}}, "records": "$.data"})
    assert table.meta.api.each["year"].values(datetime.date(2025, 5, 1)) == ["2023", "2024", "2025"]
    assert (table.meta.file.records, table.meta.format) == ("$.data", "json")
    assert table.captured == ("year",)


def test_null_may_stand_without_quotes(table_of):
    assert table_of("database", {"invalid_dates": None}).meta.database.invalid_dates == "null"


@pytest.mark.parametrize("connector", ["files", "sftp"])
def test_incremental_files_need_a_key_and_no_cursor(table_of, connector):
    table = table_of(connector, {"load": "incremental", "key": ["id"]})
    assert (table.meta.key, table.meta.cursor) == (("id",), None)


@pytest.mark.parametrize("connector", ["files", "sftp"])
def test_files_are_required_where_the_table_says_so_only(table_of, connector):
    assert not table_of(connector, {}).meta.required
    required = table_of(connector, {"required": True})
    assert required.meta.required
    # Nothing that was loaded is read again because of it.
    assert required.reading_hash == table_of(connector, {}).reading_hash


def test_years_end_where_they_are_told_to():
    assert YearRange(first=2020, last=2021).values(datetime.date(2025, 1, 1)) == ["2020", "2021"]


@pytest.mark.parametrize(
    ("connector", "meta", "words"),
    [
        ("database", {"load": "append"}, "a database table is snapshot or incremental"),
        ("database", {"pattern": "*.csv"}, "pattern and regex are for files"),
        ("database", {"path": "/v1"}, "field config.meta.path: Extra inputs"),
        ("database", {"connections": 0}, "field config.meta.connections"),
        ("files", {"relation": "x"}, "field config.meta.relation: Extra inputs"),
        ("files", {"format": "xml"}, "format xml needs record_path"),
        ("files", {"format": "fixed_width"}, "id needs config.meta start and length"),
        ("files", {"format": "json", "dialects": [{}, {}]}, "format json takes one dialect"),
        ("files", {"ready_marker": "done.txt"}, "must hold {name}"),
        ("sftp", {"ready_marker": "../{name}"}, "no slash"),
        ("api", {"paging": {"style": "cursor"}}, "style cursor needs parameter"),
        ("api", {"paging": {"style": "cursor", "parameter": "c"}}, "needs next"),
        (
            "api",
            {"paging": {"style": "link", "end_status": 404}},
            "end_status is for style page; style link",
        ),
        (
            "api",
            {"paging": {"style": "page", "parameter": "p", "end_status": 429}},
            "records would be missing",
        ),
        (
            "api",
            {"paging": {"style": "page", "parameter": "p", "end_status": 500}},
            "field config.meta.paging.end_status",
        ),
        ("sftp", {"after_load": "move"}, "after_load: move is for local folders"),
        ("database", {"ready_marker": "{name}.ok"}, "ready_marker is for files"),
        ("api", {"params": {"since": "{cursor}"}}, "needs load: incremental"),
        ("database", {"required": True}, "required is for files"),
        ("api", {"required": True}, "required is for files"),
        ("files", {"required": True, "after_load": "move"}, "does not go with after_load: move"),
        ("database", {"open_columns": True}, "open_columns is for files"),
        ("files", {"open_columns": True, "format": "fixed_width"}, "whose header names"),
        ("files", {"load": "incremental"}, "load: incremental needs key"),
        ("database", {"load": "incremental", "key": ["id"]}, "connector database needs cursor"),
        ("api", {"load": "incremental", "key": ["id"]}, "connector api needs cursor"),
        ("api", {"each": {"a": ["1"], "b": ["2"]}}, "names more than one"),
        ("api", {"format": "xlsx"}, "an API answers in format json"),
        ("ftp", {}, "field config.meta.connector"),
    ],
)
def test_what_does_not_belong_together_is_named(table_of, connector, meta, words):
    with pytest.raises(CatalogInvalid) as caught:
        table_of(connector, meta) if connector in BY_CONNECTOR else _unknown(table_of, meta)
    assert words in str(caught.value)


def _unknown(table_of, meta: dict[str, Any]) -> None:
    table_of("files", {**meta, "connector": "ftp"})


def test_a_fixed_width_column_has_a_place(table_of):
    column = {"name": "id", "config": {"meta": {"start": 1, "length": 8}}}
    table = table_of("files", {"format": "fixed_width"}, [column])
    assert (table.columns[0].start, table.columns[0].length) == (1, 8)
    moved = {"name": "id", "config": {"meta": {"start": 2, "length": 8}}}
    again = table_of("files", {"format": "fixed_width"}, [moved])
    assert again.reading_hash != table.reading_hash


@pytest.mark.parametrize(
    ("data_type", "duckdb_type"),
    [
        ("varchar[]", "VARCHAR[]"),
        ("struct(Estado varchar, n integer)[]", "STRUCT(Estado VARCHAR, n INTEGER)[]"),
        ("timestamp with time zone", "TIMESTAMP WITH TIME ZONE"),
        ("UBIGINT", "UBIGINT"),
        ("json", "VARCHAR"),
    ],
)
def test_types_of_every_connector_can_be_declared(table_of, data_type, duckdb_type):
    table = table_of("files", {}, [{"name": "x", "data_type": data_type}])
    assert table.lake_columns == (("x", duckdb_type),)


@pytest.mark.parametrize(
    "data_type", ["struct(a nonsense)", "varchar[]; drop table x --[]", "list(", "money"]
)
def test_a_type_that_does_not_exist_is_refused(table_of, data_type):
    with pytest.raises(CatalogInvalid, match=r"columns\.x\.data_type"):
        table_of("files", {}, [{"name": "x", "data_type": data_type}])


def test_options_of_a_database_do_not_change_how_files_were_read(table_of):
    plain = table_of("files", {})
    assert plain.reading_hash == table_of("files", {"settle_seconds": 5}).reading_hash
    assert plain.reading_hash != table_of("files", {"member": "*.csv"}).reading_hash


def test_what_a_cursor_is_a_value_of_decides_how_an_incremental_api_is_read(table_of):
    columns = [{"name": name, "data_type": "bigint"} for name in ("id", "at", "seen")]
    incremental = {"load": "incremental", "key": ["id"], "cursor": "at"}

    def reading(**meta: Any) -> str:
        return table_of("api", {**incremental, **meta}, columns).reading_hash

    assert len({reading(), reading(cursor="seen"), reading(path="/v1/y")}) == 3
    assert reading() == reading(optional=True, paging={"style": "link"})
    whole = table_of("api", {}, columns).reading_hash
    assert whole == table_of("api", {"path": "/v1/y"}, columns).reading_hash
    # Another hash would have every batch of a lake read and stored once more.
    assert whole == "e1bf1c9e21682d39"


@pytest.mark.parametrize(
    "kind", ["map(varchar, integer[])", "struct(m map(varchar, struct(a date)))[]"]
)
def test_a_map_of_what_is_nested_comes_only_from_parquet(table_of, kind):
    columns = [{"name": "id"}, {"name": "properties", "data_type": kind}]
    for connector in ("files", "sftp", "database", "api"):
        with pytest.raises(CatalogInvalid, match="properties declares a map of lists"):
            table_of(
                connector, {} if connector in ("database", "api") else {"format": "json"}, columns
            )
    assert table_of("files", {"format": "parquet"}, columns).columns[1].name == "properties"
    table_of("files", {"format": "json"}, [{"name": "p", "data_type": "map(varchar, date)[]"}])
