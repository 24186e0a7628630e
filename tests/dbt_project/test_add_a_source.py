"""The page docs/add-a-source.md against the catalog that it describes."""

import re
from pathlib import Path

import pytest

from lakehouse.lake.column_types import parse_column_type
from lakehouse.source_catalog import Column, CsvDialect, TableMeta, load_catalog

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-source.md").read_text("utf-8")


def described(heading: str) -> dict[str, str]:
    """Fields and defaults of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.*?) \|", section, re.M))


@pytest.mark.parametrize(
    ("heading", "model"), [("Table: `config.meta`", TableMeta), ("Dialect", CsvDialect)]
)
def test_the_page_describes_every_field_with_its_default(heading, model):
    rows = described(heading)
    assert set(rows) == set(model.model_fields)
    for name, field in model.model_fields.items():
        default = field.default
        if field.is_required():
            assert rows[name] == "required"
        elif default is None:
            assert rows[name] == "none"
        elif name == "dialects":
            assert default == (CsvDialect(),)
        elif isinstance(default, tuple):
            assert rows[name] == f"`{', '.join(default) or '[]'}`"
        else:
            assert rows[name] == f"`{default}`"


def test_the_page_names_every_field_of_a_column_and_only_types_that_exist():
    rows = described("Columns")
    assert {name.split(".")[-1] for name in rows} == set(Column.model_fields)
    line = next(line for line in PAGE.splitlines() if line.startswith("| `data_type`"))
    names = re.findall(r"`([^`]+)`", line.split("|")[3])
    assert len(names) > 5
    for name in names:
        parse_column_type(name.replace("(p,s)", "(18,2)"))


def test_the_example_of_the_page_is_a_source_that_the_catalog_reads(tmp_path):
    name, example = re.search(r"^`dbt/([^`]+)`:\n\n```yaml\n(.*?)^```$", PAGE, re.M | re.S).groups()
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(example, encoding="utf-8")
    catalog = load_catalog(tmp_path, "stock")
    movements = catalog.table("stock_files", "movimientos")
    assert movements.captured == ("almacen",)
    assert [column.name for column in movements.columns if column.pii] == ["responsable"]
    assert catalog.table("stock_files", "articulos").meta.min_row_share == 0.8
