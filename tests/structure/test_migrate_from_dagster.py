"""The guide for those who come from Dagster names and shows what this project really has."""

import ast
import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
import yaml

from cli.main import app

GUIDE = Path("docs/migrate-from-dagster.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / GUIDE).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Code blocks of a language."""
    return [code for said, code in BLOCK.findall(text) if said == language]


def test_every_construct_of_the_pipelines_we_know_has_its_line(guide):
    table = guide.partition("## What becomes what")[2].partition("\n## ")[0]
    for construct in (
        "@dbt_assets",
        "DbtProject",
        "load_assets_from_dbt_manifest",
        "@asset",
        "@op",
        "deps=[...]",
        "In(Nothing)",
        "AssetSelection",
        "define_asset_job",
        "@job",
        "ScheduleDefinition",
        "@sensor",
        "RetryPolicy",
        "@asset_check",
        "AssetCheckResult",
        "failure_hook",
        "DbtCliResource",
        "I/O managers",
        "DailyPartitionsDefinition",
        "MaterializeResult",
        "dagster.yaml",
        "dagster-webserver",
        "dagster-daemon",
        "materialize()",
    ):
        assert construct in table, construct


def test_every_name_that_python_imports_exists_and_takes_these_arguments(guide):
    found = blocks(guide, "python")
    assert len(found) >= 4
    for code in found:
        names: dict[str, Any] = {}
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                names |= {one.name: getattr(module, one.name) for one in node.names}
        for node in ast.parse(code).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                call = node.value
                assert isinstance(call.func, ast.Name)
                signature = inspect.signature(names[call.func.id].fn)
                signature.bind(*call.args, **{str(one.arg): one for one in call.keywords})


def is_part_of(shown: Any, real: Any) -> bool:
    """Whether everything that is shown stands in what there is."""
    if isinstance(shown, Mapping):
        return isinstance(real, Mapping) and all(
            key in real and is_part_of(value, real[key]) for key, value in shown.items()
        )
    if isinstance(shown, Sequence) and not isinstance(shown, str):
        return isinstance(real, Sequence) and all(
            any(is_part_of(one, other) for other in real) for one in shown
        )
    return bool(shown == real)


def test_yaml_is_shown_as_it_stands_in_the_project(root, guide):
    files = [root / "prefect.yaml", root / "blocks" / "blocks.yaml"]
    files += sorted((root / "dbt" / "models").rglob("*__sources.yml"))
    there = [yaml.safe_load(path.read_text("utf-8")) for path in files]
    shown = [yaml.safe_load(code) for code in blocks(guide, "yaml")]
    assert len(shown) >= 4
    for one in shown:
        assert any(is_part_of(one, content) for content in there), one


def test_what_is_not_in_the_project_would_be_found():
    assert is_part_of({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 1, "c": 3}], "d": 4})
    assert not is_part_of({"a": [{"b": 3}]}, {"a": [{"b": 2}]})
    assert not is_part_of({"a": {"b": 1}}, {"a": "text"})


def test_macros_generic_tests_and_files_that_are_named_exist(root, guide):
    macros = {path.stem for path in (root / "dbt" / "macros").glob("*.sql")}
    generic = {path.stem for path in (root / "dbt" / "tests" / "generic").glob("*.sql")}
    assert {"current_rows", "surrogate_key"} <= macros
    for name in re.findall(r"`((?:anomalous|unique|expression)_\w+)`", guide):
        assert name in generic, name
    for path in re.findall(r"`((?:flows|tasks|blocks|dbt|lakehouse)/[\w/.]+)`", guide):
        assert (root / path).exists(), path


def test_options_of_commands_exist(guide):
    commands = typer.main.get_command(app).commands
    for line in "\n".join(blocks(guide, "sh")).replace("\\\n", " ").splitlines():
        words = line.split()
        if not words or not words[0].endswith("aljibe"):
            continue
        known = {option for param in commands[words[1]].params for option in param.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_comparison_of_marts_finds_what_differs(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables = {
        "theirs": ("fact_ventas_latam", [("A", 1.5), ("B", 2), ("B", 2), ("C", 3)]),
        "ours": ("fct_ventas_latam", [("A", 1.5), ("B", 2), ("C", 4)]),
    }
    for name, (table, rows) in tables.items():
        with duckdb.connect(f"{name}.duckdb") as connection:
            connection.execute("create schema consume")
            connection.execute(
                f"create table consume.{table} (invoice_id varchar, venta_total_usd decimal(9, 2))"
            )
            connection.executemany(f"insert into consume.{table} values (?, ?)", rows)
    (code,) = [sql for sql in blocks(guide, "sql") if "except all" in sql]
    with duckdb.connect() as connection:
        for statement in code.split(";"):
            connection.execute(statement)
        found = connection.execute("select side, invoice_id from differences order by all")
        assert found.fetchall() == [("only here", "C"), ("only there", "B"), ("only there", "C")]
