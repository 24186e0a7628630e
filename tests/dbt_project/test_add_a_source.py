"""The page docs/add-a-source.md against the catalog that it describes."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lakehouse.format_options import CsvDialect
from lakehouse.lake.column_types import parse_column_type
from lakehouse.source_catalog import Column, load_catalog
from lakehouse.table_meta import FIELDS_OF, TableMeta

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-source.md").read_text("utf-8")


def described(heading: str) -> dict[str, str]:
    """Fields and defaults of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `((?:[^`]|`, `)+)` \| (.*?) \|", section, re.M))


def fields_of(*models: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields as they stand in YAML, where those of connectors and formats lie beside the others."""
    found = {name: field for model in models for name, field in model.model_fields.items()}
    return {name: field for name, field in found.items() if name not in FIELDS_OF}


@pytest.mark.parametrize(
    ("heading", "models"),
    [("Table: `config.meta`", (TableMeta, *FIELDS_OF.values())), ("Dialect", (CsvDialect,))],
)
def test_the_page_describes_every_field_with_its_default(heading, models):
    rows, fields = described(heading), fields_of(*models)
    assert set(rows) == set(fields)
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        if field.is_required():
            assert rows[name] == "required"
        elif name in ("sheet", "header_row", "relation", "range_column", "overlap"):
            assert default is None
        elif default is None or default == {}:
            assert rows[name] == "none"
        elif isinstance(default, bool):
            assert rows[name] == f"`{str(default).lower()}`"
        elif name == "dialects":
            assert default == (CsvDialect(),)
        elif isinstance(default, tuple):
            assert rows[name] == f"`{', '.join(default) or '[]'}`"
        else:
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            assert rows[name] == f"`{shown}`"


def test_the_page_names_every_field_of_a_column_and_only_types_that_exist():
    rows = described("Columns")
    named = {name.removeprefix("config.meta.") for row in rows for name in row.split("`, `")}
    assert named == set(Column.model_fields)
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
