"""`aljibe doctor`: what a run needs, checked one by one, with what to do about each."""

import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from cli.doctor_check import Check
from cli.doctor_prefect import examine_prefect
from cli.prefect_environment import api_is_configured
from lakehouse.errors import AljibeError, VariableMissing
from lakehouse.health.disk_space import check_disks, disk_samples
from lakehouse.health.machine_health import check_watchers
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.s3_session import let_read_raw
from lakehouse.lake.shared_locks import domain_holder
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.source_catalog import Table as SourceTable
from lakehouse.source_catalog import known_domains, load_catalog
from lakehouse.sql_quoting import sql_string
from lakehouse.transform.dbt_command import dbt_executable
from lakehouse.watch.watcher_log import last_looks


def examine() -> list[Check]:
    """Look at everything; a check that cannot be made is broken, and the others go on."""
    settings = load_settings()
    checks: list[Check] = []
    examinations: list[tuple[str, Callable[[Settings], Iterator[Check]]]] = [
        ("packages", _packages),
        ("home", _home),
        ("audit database", _audit),
        ("RAW", _raw),
        ("dbt", _dbt),
        ("Prefect", examine_prefect),
        ("lake", _lake),
        ("serving database", _serving),
        ("watcher", _watchers),
        ("domains", _domains),
    ]
    for name, look in examinations:
        try:
            checks += look(settings)
        except (AljibeError, OSError, duckdb.Error) as error:
            checks.append(Check(name, "broken", str(error)))
    return checks


def show(checks: list[Check]) -> bool:
    """Print the checks; returns whether a run can be started."""
    table = Table("", "what", "found", show_lines=False, expand=False)
    marks = {"ok": "[green]ok", "look": "[yellow]look", "broken": "[red]broken"}
    for check in checks:
        table.add_row(marks[check.verdict], check.name, check.text.replace("[", r"\["))
    Console().print(table)
    return all(check.verdict != "broken" for check in checks)


def _packages(_settings: Settings) -> Iterator[Check]:
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    old = sys.version_info < (3, 11)
    yield Check("Python", "broken" if old else "ok", f"{wanted}, at least 3.11 is needed")
    lock = PROJECT_ROOT / "requirements.lock"
    if not lock.is_file():
        yield Check("packages", "look", "requirements.lock is not here: versions not compared")
        return
    pinned = list(_pins(lock.read_text(encoding="utf-8")))
    wrong = [text for pin in pinned if (text := _unlike(pin))]
    if wrong:
        yield Check("packages", "look", f"not as locked: {', '.join(wrong[:6])}")
    else:
        yield Check("packages", "ok", f"{len(pinned)} as locked")


def _pins(lock: str) -> Iterator[Requirement]:
    for line in re.findall(r"^[\w.\-]+[^\\\n]*==[^\\\n]+", lock, re.MULTILINE):
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate():
            yield pin


def _unlike(pin: Requirement) -> str | None:
    try:
        found = version(pin.name)
    except PackageNotFoundError:
        return f"{pin.name} is missing"
    return None if pin.specifier.contains(found, prereleases=True) else f"{pin.name} is {found}"


def _home(settings: Settings) -> Iterator[Check]:
    settings.root.mkdir(parents=True, exist_ok=True)
    writable = os.access(settings.root, os.W_OK)
    text = str(settings.root)
    yield Check("home", "ok" if writable else "broken", text if writable else f"{text}: read-only")
    for disk in check_disks(disk_samples(settings, datetime.now(UTC)), (), 0):
        yield Check("disk", disk.verdict, f"{disk.text} ({disk.subject})")


def _audit(settings: Settings) -> Iterator[Check]:
    shown = audit_engine(settings).url.render_as_string(hide_password=True)
    yield Check("audit database", "ok", shown)


def _raw(settings: Settings) -> Iterator[Check]:
    if not settings.raw_url:
        return
    objects, name = ObjectFolder(settings.raw_url), f".doctor/{uuid.uuid4().hex}"
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        let_read_raw(connection)
        sent = Path(folder) / "sent"
        sent.write_text("1\n", encoding="ascii")
        objects.put(sent, name)
        try:
            connection.execute(f"from read_csv({sql_string(objects.url_of(name))}, header=false)")
        finally:
            objects.remove(name)
    yield Check("RAW", "ok", f"{settings.raw_url} can be written and read")


def _dbt(settings: Settings) -> Iterator[Check]:
    dbt_executable()
    project = settings.project_dir / "dbt_project.yml"
    there = project.is_file()
    yield Check("dbt", "ok" if there else "broken", str(project) + ("" if there else " is missing"))


def _lake(settings: Settings) -> Iterator[Check]:
    from lakehouse.lake.lake_warehouse import LakeWarehouse
    from lakehouse.lake.warehouse import warehouse_of

    for domain in known_domains(settings.project_dir)[:1]:
        warehouse = warehouse_of(settings, domain)
        if isinstance(warehouse, LakeWarehouse):
            warehouse.exists()
            place = warehouse.data.removesuffix(f"{domain}/")
            yield Check("lake", "ok", f"{warehouse.place}, files in {place}")


def _serving(settings: Settings) -> Iterator[Check]:
    from blocks.serving_database import serving_database_url
    from lakehouse.publish.postgres.published_state import examine_serving

    url = serving_database_url(settings, saved=api_is_configured())
    if url:
        yield Check("serving database", "ok", examine_serving(url))


def _watchers(settings: Settings) -> Iterator[Check]:
    looks = last_looks(audit_engine(settings))
    for watcher in check_watchers(looks, datetime.now(UTC)):
        yield Check("watcher", watcher.verdict, watcher.text)


def _domains(settings: Settings) -> Iterator[Check]:
    for domain in known_domains(settings.project_dir):
        try:
            catalog = load_catalog(settings.project_dir, domain)
        except AljibeError as error:
            yield Check(domain, "broken", str(error))
            continue
        holder = domain_holder(settings, domain)
        if holder:
            yield Check(domain, "look", f"being written by {holder}")
        ledger = RawLake.of(settings).ledger
        refused = sum(len(ledger.open_quarantine(table)) for table in catalog.tables)
        if refused:
            yield Check(domain, "look", f"{refused} files in quarantine")
        yield Check(domain, "ok", f"{len(catalog.tables)} source tables")
        yield from _blocks(settings, domain, {table.block: table for table in catalog.tables})


def _blocks(settings: Settings, domain: str, tables: Mapping[str, SourceTable]) -> Iterator[Check]:
    from blocks.connection_check import check_connection

    for name, table in sorted(tables.items()):
        place = f"{domain}: {name}"
        try:
            # With an API a saved block wins in a run, so it is the one to look at.
            yield Check(place, "ok", check_connection(table, settings, saved=api_is_configured()))
        except VariableMissing as missing:
            yield Check(place, "look", f"not set up here. {missing}")
        except AljibeError as error:
            yield Check(place, "broken", str(error))
