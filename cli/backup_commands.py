"""The commands `aljibe backup` and `aljibe restore` as typer sees them."""

from typing import Annotated

import typer

from lakehouse.settings import load_settings

Place = Annotated[
    str | None,
    typer.Argument(help="Folder, or URL such as s3://bucket/folder; default ALJIBE_BACKUP_URL."),
]


def backup(
    target: Place = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Remove all but the newest backups.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the backups and make none.")] = False,
) -> None:
    """Back up audit database, RAW lake and quarantine; runs may go on meanwhile.

    Sends only what the place does not hold. Exit code 1 if files of RAW are gone or changed.
    """
    from cli.backup import back_up, list_backups

    if show:
        list_backups(load_settings(), target)
        return
    raise typer.Exit(0 if back_up(load_settings(), target, keep) else 1)


def restore(
    source: Place = None,
    backup: Annotated[
        str | None, typer.Option(help="Which one, as `backup --list` names it; default the newest.")
    ] = None,
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="Read all of it, compare, and change nothing.")
    ] = False,
    missing_only: Annotated[
        bool,
        typer.Option("--missing-only", help="Bring only RAW files that this home's ledger lacks."),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Also if the home holds something, which is set aside."),
    ] = False,
) -> None:
    """Restore a backup into an empty home, each file checked. Exit code 1 if it is not whole."""
    from cli.backup import fill_gaps, verify
    from cli.backup import restore as bring_back

    settings = load_settings()
    if verify_only:
        whole = verify(settings, source, backup)
    elif missing_only:
        whole = fill_gaps(settings, source)
    else:
        whole = bring_back(settings, source, backup, overwrite=overwrite)
    raise typer.Exit(0 if whole else 1)
