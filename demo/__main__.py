"""`python -m demo`: sample deliveries, one run of pharma_latam, and where to look."""

import sys
from importlib import import_module
from pathlib import Path

import duckdb
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.pharma_deliveries import write_deliveries
from lakehouse.errors import AljibeError
from lakehouse.settings import Settings, load_settings

DOMAIN = "pharma_latam"
FACT = "consume.fct_ventas_latam"


def main() -> int:
    """Generate, run, show; returns the exit code."""
    out = Console()
    settings = load_settings()
    folder = settings.landing(DOMAIN)
    files = write_deliveries(folder)
    out.print(f"[bold]1.[/] {len(files)} sample files in {shown(folder)}: clean and dirty ones.")
    out.print(f"[bold]2.[/] elt({DOMAIN}): load, build, publish.")
    # Prefect reads its environment when it is imported, which this import does in good time.
    state = import_module("cli.run_domain").run_domain(DOMAIN)
    color = {"Completed": "green", "CompletedWithWarnings": "yellow"}.get(state.name, "red")
    out.print(
        f"[bold]3.[/] [bold {color}]{state.name}[/]: {escape(state.message or '')}", highlight=False
    )
    if not state.is_completed():
        return 1
    show_fact(settings, out)
    out.print(f"\nReaders open        {shown(settings.serving(DOMAIN))}")
    out.print("Reports in the UI   make ui, then http://127.0.0.1:4200/artifacts")
    out.print(f"Try next            change a file in {shown(folder)} and run")
    out.print(f"                    .venv/bin/aljibe run {DOMAIN}")
    return 0


def show_fact(settings: Settings, out: Console) -> None:
    """Print the head of the fact table as its readers see it."""
    with duckdb.connect(str(settings.serving(DOMAIN)), read_only=True) as connection:
        rows = connection.execute(
            f"select invoice_id, fecha, pais, cantidad, precio_unit, venta_total_usd as usd "
            f"from {FACT} order by fecha, invoice_id limit 8"
        )
        names = [column[0] for column in rows.description]
        found = rows.fetchall()
        count, total = connection.execute(
            f"select count(*), sum(venta_total_usd) from {FACT}"
        ).fetchone() or (0, 0)
    table = Table(title=f"{FACT}: {count:,} rows, {total:,.2f} USD", box=box.SIMPLE_HEAD)
    for name in names:
        number = name in ("cantidad", "precio_unit", "usd")
        table.add_column(name, no_wrap=True, justify="right" if number else "left")
    for row in found:
        table.add_row(*(str(value) for value in row))
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
