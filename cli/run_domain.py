"""One run of a domain from the command line, with its progress on the terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from cli.prefect_environment import use_embedded_prefect
from lakehouse.progress import Progress, listen
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog


def run_domain(domain: str, *, full_refresh: bool = False) -> Any:
    """Run `elt` against the configured Prefect API, or an embedded one.

    Returns:
        The flow run's final state.

    Raises:
        DomainUnknown: there is no such domain; nothing was run.
        CatalogInvalid: its sources cannot be used; nothing was run.
    """
    settings = load_settings()
    # Before Prefect starts: a name mistyped should not take ten seconds to say so.
    load_catalog(settings.project_dir, domain)
    use_embedded_prefect(settings)
    console = Console(stderr=True, markup=False)
    if console.is_terminal:
        console.print("Starting Prefect ...", style="dim")
    from flows.elt import elt

    with progress_bars(console):
        return elt(domain, full_refresh=full_refresh, return_state=True)


@contextmanager
def progress_bars(console: Console) -> Iterator[None]:
    """Show the steps of the runs in this process as bars; nothing where there is no terminal."""
    if not console.is_terminal:
        yield
        return
    bars = Bars(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.fields[step]:32.32}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.description:60.60}"),
        console=console,
        transient=False,
    )
    shown: dict[str, TaskID] = {}

    def _update(progress: Progress) -> None:
        if progress.step not in shown:
            shown[progress.step] = bars.add_task("", step=progress.step, total=None)
        total = progress.total
        # Nothing to do is done: a bar of zero parts would never end.
        done = (1, 1) if total == 0 else (progress.done, total)
        bars.update(
            shown[progress.step],
            description=progress.text.replace("[", r"\["),
            completed=done[0],
            total=done[1],
        )

    _print_logs_on(console)
    with bars:
        stop = listen(_update)
        try:
            yield
        finally:
            stop()


def _print_logs_on(console: Console) -> None:
    """Send Prefect's log lines through the console of the bars, or they would tear them apart."""
    from prefect.logging.handlers import PrefectConsoleHandler

    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for logger in loggers:
        for handler in logger.handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.console = console
