import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.errors import CatalogInvalid, DomainUnknown
from lakehouse.source_catalog import known_domains, load_catalog

SOURCES: dict[str, Any] = {
    "sources": [
        {
            "name": "shop_files",
            "schema": "raw",
            "config": {
                "meta": {
                    "connector": "files",
                    "block": "landing-shop",
                    "owner": "ventas",
                    "dialects": [{"delimiter": ";", "encoding": "cp1252", "decimal": ","}],
                }
            },
            "tables": [
                {
                    "name": "sales",
                    "config": {"meta": {"load": "append", "pattern": "sales*.csv"}},
                    "columns": [
                        {"name": "id", "data_type": "INTEGER"},
                        {"name": "price", "data_type": "Decimal(18, 2)"},
                        {"name": "email", "config": {"meta": {"pii": True}}},
                    ],
                }
            ],
        }
    ]
}


@pytest.fixture
def write(tmp_path: Path):
    """Write `_shop__sources.yml` of the domain `shop`; the project's folder."""

    def one(content: Any, name: str = "staging/_shop__sources.yml") -> Path:
        path = tmp_path / "models/shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return tmp_path

    return one


def changed(where: str, value: Any) -> dict[str, Any]:
    """The sources with one value replaced; `where` is a path such as `tables.0.columns.1.name`."""
    content = copy.deepcopy(SOURCES)
    node = content["sources"][0]
    *path, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    for part in path:
        node = node[part]
    node[last] = value
    return content


def test_a_source_is_read_with_the_defaults_of_its_meta(write):
    (table,) = load_catalog(write(SOURCES), "shop").tables
    assert (table.full_name, table.schema_name, table.block) == (
        "shop_files.sales",
        "raw",
        "landing-shop",
    )
    assert (table.meta.load, table.meta.owner, table.meta.pattern) == (
        "append",
        "ventas",
        "sales*.csv",
    )
    (dialect,) = table.meta.dialects
    assert (dialect.delimiter, dialect.encoding, dialect.decimal) == (";", ("cp1252",), ",")
    assert [(c.name, c.type.duckdb, c.pii) for c in table.columns] == [
        ("id", "INTEGER", False),
        ("price", "DECIMAL(18,2)", False),
        ("email", "VARCHAR", True),
    ]


def test_the_meta_of_a_table_wins_over_that_of_its_source(write):
    content = changed("tables.0.config.meta.owner", "finanzas")
    (table,) = load_catalog(write(content), "shop").tables
    assert table.meta.owner == "finanzas"


def test_without_a_schema_the_source_names_it(write):
    (table,) = load_catalog(write(changed("schema", None)), "shop").tables
    assert table.schema_name == "shop_files"


META, COLUMNS = "tables.0.config.meta", "tables.0.columns"


@pytest.mark.parametrize(
    ("where", "value", "field"),
    [
        ("config.meta.connector", "ftp", "config.meta.connector"),
        ("config.meta.block", None, "config.meta.block"),
        ("schema", "etl", "schema"),
        ("schema", "{{ var('x') }}", "schema"),
        ("schema", 7, "schema"),
        (f"{META}.load", "replace", "config.meta.load"),
        (f"{META}.load", "incremental", "config.meta"),
        (f"{META}.pattern", None, "config.meta"),
        (f"{META}.regex", "(", "config.meta"),
        (f"{META}.colour", "red", "config.meta.colour"),
        (f"{META}.key", "id", "config.meta.key"),
        (f"{META}.key", ["idd"], "config.meta.key or cursor: idd"),
        (f"{META}.cursor", "when", "config.meta.key or cursor: when"),
        (f"{META}.max_reject_share", 5, "config.meta.max_reject_share"),
        (f"{META}.settle_seconds", float("inf"), "config.meta.settle_seconds"),
        (f"{META}.dialects", [], "config.meta"),
        (f"{META}.dialects", [{"encoding": "nope"}], "config.meta.dialects.0.encoding"),
        (f"{META}.dialects", [{"encoding": "hex"}], "config.meta.dialects.0.encoding"),
        (f"{META}.dialects", [{"encoding": []}], "config.meta.dialects.0.encoding"),
        (f"{META}.dialects", [{"delimiter": "::"}], "config.meta.dialects.0.delimiter"),
        (f"{META}.dialects", [{"delimiter": '"'}], "config.meta.dialects.0"),
        (f"{META}.dialects", [{"delimiter": "\n"}], "config.meta.dialects.0"),
        (f"{META}.dialects", [{"thousands": "."}], "config.meta.dialects.0"),
        (META, ["load"], "config.meta"),
        (COLUMNS, [], "columns"),
        (COLUMNS, {"name": "id"}, "columns"),
        (COLUMNS, ["id"], "columns"),
        (f"{COLUMNS}.1.data_type", "money", "columns.price.data_type"),
        (f"{COLUMNS}.1.data_type", "decimal(50,2)", "columns.price.data_type"),
        (f"{COLUMNS}.1.name", None, "columns.None.name"),
        (f"{COLUMNS}.1.name", "", "columns..name"),
        (f"{COLUMNS}.1.name", " price", "columns. price.name"),
        (f"{COLUMNS}.1.name", "ID", "columns: id is declared twice"),
        (f"{COLUMNS}.1.name", "_Source_File", "columns._Source_File.name"),
        (f"{COLUMNS}.1.config", {"meta": {"pii": "perhaps"}}, "columns.price.pii"),
        ("tables.0.identifier", "other", "identifier"),
    ],
    ids=str,
)
def test_a_fault_names_file_source_table_and_field(write, where, value, field):
    with pytest.raises(CatalogInvalid) as caught:
        load_catalog(write(changed(where, value)), "shop")
    text = str(caught.value)
    assert "models/shop/staging/_shop__sources.yml: source shop_files, table sales" in text
    assert f"field {field}" in text


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("tables", {"name": "x"}, "source shop_files, field tables: must be a list"),
        ("tables", 5, "source shop_files, field tables: must be a list"),
        ("tables", ["sales"], "source shop_files: a table without a usable name"),
        ("tables.0.name", "Sales", "source shop_files: a table without a usable name"),
        ("tables.0.name", "../sales", "source shop_files: a table without a usable name"),
        ("name", "shop files", "a source without a usable name"),
        ("name", None, "a source without a usable name"),
        ("config", "meta", "source shop_files, field config.meta: must be a mapping"),
    ],
    ids=str,
)
def test_a_fault_above_the_tables_names_what_it_can(write, where, value, words):
    with pytest.raises(CatalogInvalid, match=words):
        load_catalog(write(changed(where, value)), "shop")


@pytest.mark.parametrize(
    "content",
    ["sources: [", "a: b: c", "- x", "sources: {}x", "sources: shop", "\x00", "[" * 5000],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_that_is_no_list_of_sources_is_named(write, content):
    with pytest.raises(CatalogInvalid, match=r"_shop__sources\.yml: |field sources"):
        load_catalog(write(content), "shop")


def test_python_objects_in_yaml_are_refused(write, tmp_path):
    with pytest.raises(CatalogInvalid, match="not readable as YAML"):
        load_catalog(write(f"sources: !!python/object/apply:os.mkdir ['{tmp_path}/x']"), "shop")
    assert not (tmp_path / "x").exists()


def test_a_yaml_bomb_costs_nothing(write):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    lines += ["sources:", "  - name: s", "    config: {meta: *a11}", "    tables: [*a11]"]
    with pytest.raises(CatalogInvalid) as caught:
        load_catalog(write("\n".join(lines)), "shop")
    assert len(str(caught.value)) < 1000


def test_aliases_may_repeat_columns(write):
    text = """
    cols: &cols [{name: id, data_type: integer}]
    sources:
      - name: s
        config: {meta: &meta {connector: files, block: b, load: append}}
        tables:
          - {name: a, config: {meta: {pattern: a*}}, columns: *cols}
          - {name: b, config: {meta: {<<: *meta, pattern: b*}}, columns: *cols}
    """
    assert [t.name for t in load_catalog(write(text), "shop").tables] == ["a", "b"]


def test_all_faults_of_all_files_are_told_at_once(write):
    write(changed("schema", "etl"), "a_sources.yml")
    with pytest.raises(CatalogInvalid, match=r"(?s)a_sources\.yml.*b_sources\.yaml"):
        load_catalog(write(changed("config.meta.connector", "x"), "deep/b_sources.yaml"), "shop")


def test_two_tables_cannot_have_one_view(write):
    write(SOURCES)
    with pytest.raises(CatalogInvalid, match=r"other\.sales already has the view raw\.sales"):
        load_catalog(write(changed("name", "other"), "other_sources.yml"), "shop")


def test_groups_of_a_regex_are_columns_and_not_ours(write):
    meta = {"load": "append", "regex": r"sales_(?P<store>\w+)\.csv"}
    (table,) = load_catalog(write(changed(META, meta)), "shop").tables
    assert table.captured == ("store",)
    assert table.lake_columns[-1] == ("store", "VARCHAR")
    for group in ("_batch_id", "ID"):
        with pytest.raises(CatalogInvalid, match=rf"config\.meta\.regex: {group}"):
            load_catalog(write(changed(META, {**meta, "regex": f"(?P<{group}>.*)"})), "shop")


def test_what_decides_the_rows_changes_the_reading_hash_and_nothing_else_does(write):
    def hashes(content: Any) -> tuple[str, str]:
        (table,) = load_catalog(write(content), "shop").tables
        return table.reading_hash, table.judgement_hash

    reading, judgement = hashes(SOURCES)
    for where, value in (
        (f"{COLUMNS}.1.data_type", "varchar"),
        (f"{META}.dialects", [{"delimiter": "|"}]),
        (f"{COLUMNS}.1.name", "precio"),
    ):
        other = hashes(changed(where, value))
        assert other[0] != reading
        assert other[1] != judgement
    assert hashes(changed(f"{META}.owner", "x")) == (reading, judgement)
    looser = hashes(changed(f"{META}.max_reject_share", 0.5))
    assert (looser[0] == reading, looser[1] == judgement) == (True, False)


@pytest.mark.parametrize("name", ["mill", "..", "../shop", "Shop", "", "shop/staging", "shop\n"])
def test_a_domain_that_does_not_exist_is_told_with_those_that_do(write, name):
    project = write(SOURCES)
    with pytest.raises(DomainUnknown, match=r"Known: shop\."):
        load_catalog(project, name)
    assert known_domains(project) == ["shop"]


def test_a_project_without_models_has_no_domains(tmp_path):
    assert known_domains(tmp_path) == []
    with pytest.raises(DomainUnknown, match="Known: none"):
        load_catalog(tmp_path, "shop")


def test_a_table_that_does_not_exist_is_told_with_those_that_do(write):
    catalog = load_catalog(write(SOURCES), "shop")
    assert catalog.table("shop_files", "sales").name == "sales"
    with pytest.raises(CatalogInvalid, match=r"Known: shop_files\.sales"):
        catalog.table("shop_files", "returns")
