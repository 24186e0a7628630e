"""`aljibe errors`: what is wrong and not settled; decide that an error is left as it is."""

import getpass
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lakehouse.lake.error_ledger import ErrorRecord

app = typer.Typer(help="Errors of the runs that are open: look at them, or ignore one.")
_COLUMNS = ("id", "domain", "since (UTC)", "last seen", "stage", "table", "type", "message")


@app.callback(invoke_without_command=True)
def list_errors(
    context: typer.Context,
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
) -> None:
    """List the errors that are open, oldest first."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    found = _open_errors(domain)
    if not found:
        print("No error is open.")
        return
    shown = Table()
    for column in _COLUMNS:
        # Folded, not cut: a name that is shown can be copied.
        shown.add_column(column, overflow="fold", no_wrap=column == "id")
    for error in found:
        shown.add_row(*map(escape, _cells(error)))
    Console().print(shown)
    print("A good run resolves them. `aljibe errors ignore ID --reason ...` settles one by hand.")


@app.command()
def ignore(
    number: Annotated[
        int, typer.Argument(min=1, help="Number of the error, as the list shows it.")
    ],
    reason: Annotated[str, typer.Option(help="Why, for those who ask later.")],
) -> None:
    """Decide that nothing will be done about an error; it stays ignored until its fault is gone."""
    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.lake.error_ledger import ErrorLedger
    from lakehouse.settings import load_settings

    ledger = ErrorLedger(audit_engine(load_settings()))
    error = ledger.ignore(number, reason, by=_user(), at=datetime.now(UTC))
    place = error.table_name or error.pipeline_stage
    print(f"Error {number} ({error.error_type} of {place}) is ignored; the next run shows it so.")


def _open_errors(domain: str | None) -> "list[ErrorRecord]":
    from lakehouse.errors import CatalogInvalid
    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.lake.error_ledger import ErrorLedger
    from lakehouse.lake.ledger import Ledger
    from lakehouse.lake.load_faults import settle_loads
    from lakehouse.settings import load_settings
    from lakehouse.source_catalog import known_domains, load_catalog

    settings = load_settings()
    engine = audit_engine(settings)
    found = []
    for name in [domain] if domain else known_domains(settings.project_dir):
        try:
            catalog = load_catalog(settings.project_dir, name)
            # What was decided about files in quarantine since the last run.
            settle_loads(catalog, Ledger(engine), datetime.now(UTC))
        except CatalogInvalid as error:
            print(f"{name} is shown as its last run left it: {error}", file=sys.stderr)
        found += ErrorLedger(engine).open_errors(name)
    return found


def _cells(error: "ErrorRecord") -> tuple[str, ...]:
    last_seen = datetime.fromisoformat(str(error.error_details["last_seen"]))
    return (
        str(error.error_id),
        error.domain,
        f"{error.error_timestamp:%Y-%m-%d %H:%M}",
        f"{last_seen:%Y-%m-%d %H:%M}",
        error.pipeline_stage,
        error.table_name or "",
        error.error_type,
        error.error_message,
    )


def _user() -> str:
    try:
        return f"aljibe by {getpass.getuser()}"[:64]
    except (OSError, KeyError):
        # A container's user need not have a name.
        return "aljibe"
