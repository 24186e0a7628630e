"""The command `aljibe`: run a domain, look at the machine, reach dbt, the UI and a worker."""

import errno
import os
import sys
from typing import Annotated

import typer

from cli import backup_commands, errors, lake, quarantine
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Aljibe: many sources in, clean water out.",
)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(errors.app, name="errors")
app.add_typer(lake.app, name="lake")
app.command()(backup_commands.backup)
app.command()(backup_commands.restore)
Domain = Annotated[str, typer.Argument(help="Folder name below dbt/models/, such as pharma_latam.")]


@app.command()
def run(
    domain: Domain,
    full_refresh: Annotated[
        bool, typer.Option(help="Rebuild everything, also what did not change.")
    ] = False,
) -> None:
    """Load, build and publish a domain once. Exit code 1 if the run failed."""
    from cli.run_domain import run_domain

    try:
        state = run_domain(domain, full_refresh=full_refresh)
    except AljibeError as error:
        print(f"Failed: {error}")
        raise typer.Exit(1) from None
    print(f"{state.name}: {state.message}")
    raise typer.Exit(0 if state.is_completed() else 1)


@app.command()
def doctor() -> None:
    """Check what a run needs: settings, disk, databases, locks, sources. Exit code 1 if not fit."""
    from cli.doctor import examine, show

    raise typer.Exit(0 if show(examine()) else 1)


@app.command()
def arrivals(
    domain: Annotated[
        str | None, typer.Argument(help="Folder name below dbt/models/; default: all.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 if a file is missing.")
    ] = False,
) -> None:
    """Show which expected files came, were late, are missing, too small or duplicate."""
    from cli.arrivals import show_arrivals

    is_complete = show_arrivals(domain)
    raise typer.Exit(1 if strict and not is_complete else 0)


@app.command("publish-back")
def publish_back(
    domain: Domain,
    reason: Annotated[
        str, typer.Option(help="Why, for those who meet the hold.")
    ] = "no reason given",
    build: Annotated[
        str | None, typer.Option(help="Build to go back to; default the one published before.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Let runs publish the domain again.")
    ] = False,
) -> None:
    """Give readers an earlier publication; runs publish nothing until it is released."""
    from cli.publish_back import publish_back as go_back

    go_back(load_settings(), domain, reason, build, release=release)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def dbt(context: typer.Context, domain: Domain) -> None:
    """Run dbt by hand on a domain: `aljibe dbt pharma_latam -- run --select stg_ventas_arg+`."""
    from cli.dbt_by_hand import dbt_by_hand

    raise typer.Exit(dbt_by_hand(domain, [part for part in context.args if part != "--"]))


@app.command("profile-source")
def profile_source(
    origin: Annotated[str, typer.Argument(help="A database URL, or the name of a database block.")],
    table: Annotated[
        list[str] | None,
        typer.Option(help="Table or view to look at; may be repeated. Default: all of them."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="Domain for which the YAML is written.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, help="Rows of each table that are looked at, at most.")
    ] = 1_000_000,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the source's YAML only.")] = False,
) -> None:
    """Look at a database before its first load: hazards per table, and the YAML of the source.

    Reads only, and of large tables only their first rows. Counted are zero and impossible dates,
    infinity and NaN, tinyint(1) outside 0 and 1, unsigned numbers above 2^63, times beyond a day,
    mixed classes of values in SQLite; shown are decimals beyond 38 digits, mixed and latin1
    character sets, money kept as binary numbers, names that are words of SQL, tables without a
    key, and what may or may not serve as a cursor.
    """
    from cli.profile_source import profile_source as look

    look(origin, tuple(table or ()), domain=domain, rows=rows, only_yaml=yaml)


@app.command("new-source")
def new_source(
    domain: Domain,
    source: Annotated[str, typer.Argument(help="Name of the source in dbt; it may exist.")],
    table: Annotated[str, typer.Argument(help="Name of the table in dbt.")],
    origin: Annotated[
        str, typer.Option("--from", help="A sample file, a database block, or a database URL.")
    ],
    block: Annotated[
        str | None, typer.Option(help="Block that the source is read through.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option(help="files (default for a file) or sftp.")
    ] = None,
    relation: Annotated[
        str | None, typer.Option(help="Name of the table on its server, if it is another.")
    ] = None,
    load: Annotated[
        str | None, typer.Option(help="append, snapshot or incremental; see docs/add-a-source.md.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column that identifies a row; may be repeated.")
    ] = None,
    cursor: Annotated[
        str | None, typer.Option(help="Column that grows with every change; makes it incremental.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for the data.")] = None,
    sheet: Annotated[str | None, typer.Option(help="xlsx: which sheet.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Show it and write nothing.")] = False,
) -> None:
    """Declare a table from a live look at it: source, staging model and tests."""
    from cli.new_source import NewSource
    from cli.new_source import new_source as write_source

    asked = NewSource(
        domain,
        source,
        table,
        origin,
        block,
        connector,
        relation,
        load,
        tuple(key or ()),
        cursor,
        owner,
        sheet,
    )
    write_source(asked, dry_run=dry_run)


@app.command("move-lake")
def move_lake(
    to: Annotated[str, typer.Option(help="Where RAW goes, such as s3://bucket/lake.")],
    audit_url: Annotated[
        str,
        typer.Option(
            envvar="ALJIBE_MOVE_AUDIT_URL",
            show_envvar=True,
            help="PostgreSQL that the audit database goes to; better by its variable.",
        ),
    ],
) -> None:
    """Move an embedded lake to a bucket and PostgreSQL; again, it goes on where it was ended.

    The lake of ALJIBE_HOME is only read; runs have to be stopped. See docs/shared-storage.md.
    """
    from cli.move_lake import move_lake as move

    move(load_settings(), to, audit_url)


@app.command()
def watch(
    domain: Annotated[
        list[str] | None, typer.Argument(help="Domains; default all that have files.")
    ] = None,
    quiet: Annotated[
        float, typer.Option(min=0, help="Seconds without a change before a run is woken.")
    ] = 2.0,
    longest: Annotated[
        float, typer.Option(min=1, help="Seconds after which it is woken although more comes.")
    ] = 300.0,
    again: Annotated[
        float, typer.Option(min=1, help="Seconds until it is woken again for what nobody took.")
    ] = 60.0,
    poll: Annotated[
        float, typer.Option(min=0.5, help="Seconds between looks at SFTP servers and buckets.")
    ] = 2.0,
) -> None:
    """Watch landing folders and SFTP servers; a run starts when files have arrived.

    Needs a Prefect API with `deploy/bootstrap` done, and a worker. Ends with Ctrl-C or SIGTERM.
    """
    from cli.watch import watch as watch_folders
    from lakehouse.watch.settling import SettlingTimes

    times = SettlingTimes(quiet, longest, again)
    watch_folders(load_settings(), tuple(domain or ()), times, poll)


@app.command()
def dashboard(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = 8080,
) -> None:
    """Serve the figures of what was published, and the reports, to browsers.

    Beyond this machine only with ALJIBE_DASHBOARD_PASSWORD. Ends with Ctrl-C or SIGTERM.
    """
    from cli.dashboard import serve_dashboard

    serve_dashboard(load_settings(), host, port)


@app.command()
def why(
    file: Annotated[str, typer.Argument(help="Name of the file, without its folder.")],
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
) -> None:
    """Say what became of a file, or why no run takes it. Exit code 1 if none will."""
    from cli.why import why as explain

    raise typer.Exit(0 if explain(load_settings(), file, domain) else 1)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 4200,
) -> None:
    """Open the history of the runs in the Prefect UI; ends with Ctrl-C."""
    from cli.prefect_commands import serve_ui

    serve_ui(port)


@app.command()
def server(
    host: Annotated[
        str, typer.Option(envvar="PREFECT_SERVER_API_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar=["PORT", "PREFECT_SERVER_API_PORT"], help="Port to listen on.")
    ] = 4200,
) -> None:
    """Serve Prefect's API and UI for a deployment: on PostgreSQL, and with a password.

    Needs DATABASE_URL or PGHOST and its like, and PREFECT_SERVER_API_AUTH_STRING unless it
    listens on this machine alone. See docs/production.md.
    """
    from cli.server import serve

    serve(load_settings(), host, port)


@app.command()
def worker(
    pool: Annotated[str, typer.Option(help="Work pool to pull from.")] = "aljibe",
    with_watch: Annotated[
        bool, typer.Option("--with-watch", help="Keep `aljibe watch` running beside it.")
    ] = False,
) -> None:
    """Pull runs from a work pool of the configured Prefect API, and clean up after broken ones.

    On SIGTERM it takes no more runs, lets those that are going end (ALJIBE_DRAIN_SECONDS), and
    has the rest run again. See docs/production.md.
    """
    if with_watch:
        from cli.worker_and_watch import worker_and_watch

        raise typer.Exit(worker_and_watch(pool))
    from cli.start_worker import start_worker as work

    work(load_settings(), pool)


@app.command()
def health() -> None:
    """Ask this machine's worker or server whether it is well. Exit code 1 if it is not."""
    from cli.health import is_healthy

    well, said = is_healthy(load_settings())
    print(said)
    raise typer.Exit(0 if well else 1)


def main() -> None:
    """Entry point; our own errors end with their message and exit code 1, not a traceback."""
    try:
        load_settings()
        app()
    except AljibeError as error:
        print(f"aljibe: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"aljibe: {error}. Make room first: docs/runbooks.md", file=sys.stderr)
        sys.exit(1)
