"""`aljibe quarantine`: list, show, replay, discard; straight on the lake, without Prefect."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lakehouse.lake.quarantine import RefusedDelivery
    from lakehouse.lake.raw_lake import RawLake

app = typer.Typer(
    no_args_is_help=True, help="Deliveries that were refused: look at them and decide."
)
Number = Annotated[int, typer.Argument(min=1, help="Number of the delivery, as `list` shows it.")]


@app.command("list")
def list_deliveries(
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
) -> None:
    """List what is in quarantine: refused deliveries, and refused rows of loaded ones."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from cli.chosen_catalogs import chosen_catalogs
    from lakehouse.lake.quarantine import list_refused
    from lakehouse.reports.artifacts.quarantine_report import quarantine_rows

    rows = quarantine_rows(list_refused(chosen_catalogs(domain), _lake(), source=source))
    if not rows:
        print("Nothing is in quarantine.")
        return
    columns = ("id", "table", "file", "since", "state", "rows refused")
    shown = Table()
    for column in columns:
        # Folded, not cut: a name that is shown can be copied.
        heading = "since (UTC)" if column == "since" else column
        shown.add_column(heading, overflow="fold", no_wrap=column == "id")
    for row in rows:
        shown.add_row(*(escape(str(row[column])) for column in columns))
    Console().print(shown)
    print("`aljibe quarantine show ID` says why a delivery was refused, and where it lies.")


@app.command()
def show(
    number: Number,
    rows: Annotated[int, typer.Option(min=0, max=1000, help="Refused rows to show.")] = 20,
) -> None:
    """Show why a delivery was refused, where its original is, and its first refused rows.

    Values of personal columns are masked.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from lakehouse.lake.kept_delivery import kept_folder, kept_original
    from lakehouse.quality.refused_rows import shown_rows
    from lakehouse.reports.artifacts.quarantine_report import delivery_markdown

    lake = _lake()
    refused = _found(lake, number)
    kept = kept_folder(lake, refused.table, refused.delivery)
    found, total = shown_rows(kept, refused.table, rows)
    page = delivery_markdown(refused, kept_original(kept), found, total)
    console = Console()
    # A file or a pipe gets the text as it is, with the whole path in one line.
    console.print(Markdown(page)) if console.is_terminal else print(page)


@app.command()
def replay(number: Number) -> None:
    """Load a delivery again, under the contract as it is now. Exit code 1 if refused again."""
    from lakehouse.lake.quarantine import replay as load_again
    from lakehouse.table_load import TableLoad

    lake = _lake()
    refused = _found(lake, number)
    delivery = load_again(refused, lake, run_id=_user())
    table = refused.table
    print(TableLoad(table.source, table.name).with_delivery(delivery).deliveries[0])
    if delivery.status == "quarantined":
        raise typer.Exit(1)
    print(f"`aljibe run {refused.domain}` builds with it.")


@app.command()
def discard(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for those who ask later.")],
) -> None:
    """Decide that a delivery will not be loaded; runs no longer warn of it."""
    from lakehouse.lake.quarantine import discard as decide

    lake = _lake()
    decision = decide(_found(lake, number), lake, reason, run_id=_user())
    print(f"Delivery {number} was {decision}")


def _found(lake: "RawLake", number: int) -> "RefusedDelivery":
    from cli.chosen_catalogs import chosen_catalogs
    from lakehouse.lake.quarantine import find_refused

    return find_refused(chosen_catalogs(None), lake, number)


def _lake() -> "RawLake":
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.settings import load_settings

    return RawLake.of(load_settings())


def _user() -> str:
    try:
        return f"aljibe by {getpass.getuser()}"[:64]
    except (OSError, KeyError):
        # A container's user need not have a name.
        return "aljibe"
