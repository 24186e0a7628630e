"""Declarations beside what is there: comments stay, nothing is overwritten, all of it is valid."""

from pathlib import Path

import pytest
import yaml

from lakehouse.errors import AlreadyDeclared
from lakehouse.scaffold.declaration import Wanted, declare, plain_name
from lakehouse.scaffold.sample import Sample, SampledColumn
from lakehouse.scaffold.write_declaration import plan_files, write_files
from lakehouse.source_catalog import load_catalog

SAMPLE = Sample(
    {"format": "csv"},
    [SampledColumn("id", ["1"]), SampledColumn("Precio, neto", ["1,5"]), SampledColumn("email")],
    {"delimiter": ";"},
    key=("id",),
)
FIRST = """\
# Kept by the team.
sources:
  - name: shop_files
    config: {meta: {connector: files, block: landing-shop}}
    tables:
      - name: old   # the first
        config: {meta: {load: append, pattern: "*.csv"}}
        columns:
          - {name: id}

  # Another supplier.
  - name: other_files
    config: {meta: {connector: files, block: landing-other}}
    tables:
      - {name: x, config: {meta: {load: append, pattern: "*"}}, columns: [{name: id}]}
"""


def wanted(table: str = "sales", source: str = "shop_files", **fields) -> Wanted:
    meta = {"load": "append", "pattern": "sales_*.csv"}
    values = {"connector": "files", "block": "landing-shop", "owner": "ventas", "meta": meta}
    return Wanted("shop", source, table, **{**values, **fields})


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "models/shop").mkdir(parents=True)

    def run(asked: Wanted) -> Path:
        write_files(plan_files(declare(SAMPLE, asked), asked, tmp_path))
        return tmp_path / "models/shop/staging"

    return run


def test_a_new_source_is_one_that_the_catalog_reads(write, tmp_path):
    folder = write(wanted())
    table = load_catalog(tmp_path, "shop").table("shop_files", "sales")
    assert [(c.name, c.data_type, c.pii) for c in table.columns] == [
        ("id", "integer", False),
        ("Precio, neto", "decimal(18,2)", False),
        ("email", "varchar", True),
    ]
    assert (table.meta.key, table.meta.owner) == (("id",), "ventas")
    assert table.meta.dialects[0].decimal == ","
    assert '"Precio, neto" as precio_neto' in (folder / "stg_sales.sql").read_text()
    (model,) = yaml.safe_load((folder / "_staging__models.yml").read_text())["models"]
    tests = [name for test in model["columns"][0]["data_tests"] for name in test]
    assert tests == ["not_null", "unique"]


def test_a_second_table_joins_its_source_and_every_other_line_stays(write, tmp_path):
    file = tmp_path / "models/shop/staging/_shop__sources.yml"
    file.parent.mkdir()
    file.write_text(FIRST)
    write(wanted())
    text = file.read_text()
    assert [line for line in FIRST.splitlines() if line not in text.splitlines()] == []
    names = [table.full_name for table in load_catalog(tmp_path, "shop").tables]
    assert sorted(names) == ["other_files.x", "shop_files.old", "shop_files.sales"]


def test_a_second_model_joins_the_list_of_models(write, tmp_path):
    folder = write(wanted())
    write(wanted("returns"))
    models = yaml.safe_load((folder / "_staging__models.yml").read_text())["models"]
    assert [model["name"] for model in models] == ["stg_sales", "stg_returns"]
    assert len(load_catalog(tmp_path, "shop").tables) == 2


def test_a_file_keeps_its_line_ends(write, tmp_path):
    folder = tmp_path / "models/shop/staging"
    folder.mkdir()
    sources, models = folder / "_shop__sources.yml", folder / "_staging__models.yml"
    sources.write_bytes(FIRST.replace("\n", "\r\n").encode())
    models.write_bytes(b"models:\r\n  - name: stg_old")
    write(wanted())
    for file in (sources, models):
        content = file.read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n")
        assert b"\r\r" not in content
    assert len(load_catalog(tmp_path, "shop").tables) == 3
    names = [model["name"] for model in yaml.safe_load(models.read_bytes())["models"]]
    assert names == ["stg_old", "stg_sales"]


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        (
            "_a__sources.yml",
            "sources:\n  - name: shop_files\n    tables: []\n",
            "shop_files has no",
        ),
        ("_a__sources.yml", "sources:\n  - name: shop_files\n", "first of its tables by hand"),
        ("_a__sources.yml", "sources:\n  - name: shop_files\n    tables:\n", "no tables below"),
        ("_staging__models.yml", "models: []\n", "first of its models by hand"),
        ("_staging__models.yml", "version: 2\n", "or remove the file"),
        ("_staging__models.yml", "# nothing yet\n", "or remove the file"),
    ],
)
def test_a_list_without_items_is_left_to_a_person(write, tmp_path, file, text, words):
    folder = tmp_path / "models/shop/staging"
    folder.mkdir()
    (folder / file).write_text(text)
    with pytest.raises(AlreadyDeclared, match=words):
        write(wanted())
    assert [path.name for path in folder.iterdir()] == [file]
    assert (folder / file).read_text() == text


@pytest.mark.parametrize(
    ("asked", "words"),
    [(wanted(), "stg_sales.sql exists"), (wanted(source="two"), "stg_sales.sql exists")],
)
def test_nothing_is_written_over_what_exists(write, tmp_path, asked, words):
    write(wanted())
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(AlreadyDeclared, match=words):
        write(asked)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_table_without_its_model_is_declared_already(write, tmp_path):
    folder = write(wanted())
    (folder / "stg_sales.sql").unlink()
    with pytest.raises(AlreadyDeclared, match="shop_files has a table sales"):
        write(wanted())


def test_a_key_of_several_columns_is_tested_as_one(write):
    folder = write(wanted(key=("id", "email")))
    (model,) = yaml.safe_load((folder / "_staging__models.yml").read_text())["models"]
    (test,) = model["data_tests"]
    assert test["unique_combination"]["arguments"] == {"columns": ["id", "email"]}


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("precio", "precio"),
        ("Precio Unitario", "precio_unitario"),
        ("order", "order_"),
        ("2024", "_2024"),
        ("año", "a_o"),
        ("€", "columna"),
    ],
)
def test_names_of_columns_need_no_quotes(name, plain):
    assert plain_name(name) == plain
