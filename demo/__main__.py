"""`python -m demo`: sample data, a run of each domain, and where to look."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import duckdb
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.domains import DOMAINS, DemoDomain, Mart
from lakehouse.errors import AljibeError
from lakehouse.settings import Settings, load_settings

ROWS_SHOWN = 8
_COLORS = {"Completed": "green", "CompletedWithWarnings": "yellow"}
_NUMBERS = ("DECIMAL", "INTEGER", "BIGINT", "DOUBLE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen domains one after the other; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    out = Console()
    settings = load_settings()
    names = list(dict.fromkeys(chosen.domain or DOMAINS))
    ended = [_demonstrate(DOMAINS[name], settings, chosen.scale, out) for name in names]
    if not all(ended):
        return 1
    out.print("Reports in the UI   make ui, then http://127.0.0.1:4200/artifacts")
    # Not wrapped: a path that is broken by a line end cannot be opened.
    pages = shown(settings.reports / "index.html")
    out.print(f"Reports as pages    open {pages}", soft_wrap=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--domain", action="append", choices=list(DOMAINS), help="default: every one of them"
    )
    parser.add_argument("--scale", type=_scale, default=1, help="times the data; default 1")
    return parser


def _scale(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError("is a whole number from 1 to 10000")
    return int(text)


def _demonstrate(domain: DemoDomain, settings: Settings, scale: int, out: Console) -> bool:
    """Write the data, run the domain, show a mart.

    Returns:
        Whether the run published.
    """
    files = domain.write(settings, scale)
    folder = shown(domain.folder(settings))
    out.print(f"[bold]{domain.name}[/]: {domain.described} ({len(files)} files in {folder}).")
    out.print(f"  Running elt({domain.name}): load, build, publish.")
    began = time.monotonic()
    with domain.running(settings):
        # Prefect reads its environment when it is imported, which this import does in good time.
        state = import_module("cli.run_domain").run_domain(domain.name)
    color = _COLORS.get(state.name, "red")
    seconds = round(time.monotonic() - began)
    out.print(f"  [bold {color}]{state.name}[/] in {seconds} s: {escape(state.message or '')}")
    if not state.is_completed():
        return False
    show_mart(settings.serving(domain.name), domain.mart, out)
    out.print(f"Readers open        {shown(settings.serving(domain.name))}")
    out.print(f"Try next            {escape(domain.try_next)}\n")
    return True


def show_mart(serving: Path, mart: Mart, out: Console) -> None:
    """Print the head of a mart as its readers see it."""
    with duckdb.connect(str(serving), read_only=True) as connection:
        head = connection.sql(
            f"select {mart.columns} from {mart.name} order by {mart.order} limit {ROWS_SHOWN}"
        )
        names, types, found = head.columns, head.types, head.fetchall()
        count, total = connection.execute(
            f"select count(*), {mart.total} from {mart.name}"
        ).fetchone() or (0, "")
    out.print(f"\n{mart.name}: {count:,} rows, {total}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for name, kind in zip(names, types, strict=True):
        number = str(kind).startswith(_NUMBERS)
        table.add_column(name, no_wrap=True, justify="right" if number else "left")
    for row in found:
        table.add_row(*(escape(str(value)) for value in row))
    out.print(table)


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return escape(str(path.relative_to(here) if path.is_relative_to(here) else path))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AljibeError as error:
        sys.exit(f"demo: {error}")
