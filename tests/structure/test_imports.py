"""Who may import whom: cli -> flows -> tasks -> blocks -> lakehouse, never back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BELOW = {
    "lakehouse": set(),
    "blocks": {"lakehouse"},
    "tasks": {"blocks", "lakehouse"},
    "flows": {"tasks", "blocks", "lakehouse"},
    "cli": {"flows", "tasks", "blocks", "lakehouse"},
    "demo": {"cli", "flows", "tasks", "blocks", "lakehouse"},
}
PLACE = {
    "lakehouse": "lakehouse/ is plain Python: pass the value in as an argument, or move the code "
    "that needs it to tasks/ (Prefect) or blocks/ (connections)",
    "blocks": "blocks/ only turns credentials into clients: what runs belongs to tasks/",
    "tasks": "tasks/ wraps one step: an order of steps belongs to flows/",
    "flows": "flows/ is below the command line: move the shared part to tasks/ or lakehouse/",
    "cli": "nothing imports demo/: code that the product needs belongs to lakehouse/",
    "demo": "demo/ uses the product: tests and benchmarks stay outside it",
}
PACKAGES = {*BELOW, "tests", "benchmarks"}


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, also those by `import_module` with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if (
                name in ("import_module", "__import__")
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                yield node.lineno, first.value


def faults_of(path: Path, source: str) -> list[str]:
    """What `path` imports and must not, each with the place where the code belongs."""
    package = path.parts[0]
    faults = []
    for line, module in imported_modules(ast.parse(source, str(path))):
        top = module.split(".")[0]
        is_prefect = top == "prefect" or top.startswith("prefect_")
        if module.startswith("."):
            faults.append(f"{path}:{line} imports {module}: write the absolute name")
        elif top in PACKAGES - {package} - BELOW[package] or (
            package == "lakehouse" and is_prefect
        ):
            faults.append(f"{path}:{line} imports {module}: {PLACE[package]}")
    return faults


def test_imports_go_down_only(root: Path, python_files: list[Path]) -> None:
    files = [path for path in python_files if path.parts[0] in BELOW]
    assert {path.parts[0] for path in files} == set(BELOW), "a package is missing or has no file"
    faults = [
        fault for path in files for fault in faults_of(path, (root / path).read_text("utf-8"))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lakehouse/lake/x.py", "import prefect"),
        ("lakehouse/lake/x.py", "from prefect_dbt import PrefectDbtRunner"),
        ("lakehouse/lake/x.py", "def f():\n    from tasks.land_raw import land"),
        ("lakehouse/lake/x.py", "import importlib\nimportlib.import_module('prefect.flows')"),
        ("blocks/x.py", "from flows.elt import elt"),
        ("tasks/x.py", "import flows.elt"),
        ("flows/x.py", "from cli.main import app"),
        ("cli/x.py", "import demo"),
        ("flows/x.py", "from .ingest import ingest"),
    ],
)
def test_an_import_that_goes_up_is_named_with_its_line_and_its_place(
    path: str, source: str
) -> None:
    (fault,) = faults_of(Path(path), source)
    line = source.count("\n") + 1
    assert fault.startswith(f"{path}:{line} imports ")


def test_an_import_that_goes_down_is_no_fault() -> None:
    source = "import duckdb\nfrom prefect import flow\nfrom lakehouse.errors import AljibeError"
    assert faults_of(Path("tasks/x.py"), source) == []


def test_what_is_known_does_not_depend_on_how_it_is_shown(root):
    for package in ("quality", "transform", "publish", "lake", "formats", "connectors"):
        for path in sorted((root / "lakehouse" / package).rglob("*.py")):
            shown = [
                line
                for line, module in imported_modules(ast.parse(path.read_text("utf-8")))
                if module.startswith("lakehouse.reports")
            ]
            assert not shown, f"{path}:{shown[0]} imports lakehouse.reports: pass the value in"
