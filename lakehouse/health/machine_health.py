"""What a home needs to go on: its audit database, locks that are let go, a watcher that looks."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from lakehouse.backup.backup_manifest import BackupHeader, backup_ids, read_header
from lakehouse.backup.backup_store import BackupStore
from lakehouse.errors import AljibeError, AuditUnavailable
from lakehouse.health.health_check import HealthCheck, Verdict
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.shared_locks import domain_holder
from lakehouse.settings import Settings
from lakehouse.watch.watcher_log import WatcherSeen

WATCHER_IS_LATE_SECONDS = 120


def check_audit(settings: Settings) -> HealthCheck:
    """Ask the audit database for an answer."""
    try:
        engine = audit_engine(settings)
        with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
            connection.execute(text("select count(*) from alembic_version")).scalar_one()
    except AljibeError as error:
        return HealthCheck("audit database", "answer", "broken", str(error))
    shown = engine.url.render_as_string(hide_password=True)
    return HealthCheck("audit database", "answer", "ok", shown)


def check_watchers(looks: Iterable[WatcherSeen], now: datetime) -> Iterator[HealthCheck]:
    """Judge the newest look; those of machines that watched before say nothing any more.

    Args:
        looks: the newest first.
        now: UTC.
    """
    for number, seen in enumerate(looks):
        ago = (now - seen.seen_at).total_seconds()
        said = f"on {seen.name}, last look {ago:.0f} s ago, {seen.waiting} files wait"
        is_late = ago > WATCHER_IS_LATE_SECONDS
        if number and is_late:
            continue
        if seen.fault:
            said += f"; {seen.fault}"
        verdict: Verdict = "look" if is_late or seen.fault else "ok"
        # A watcher of a container has another name after each deployment.
        yield HealthCheck("watcher", "newest" if number == 0 else seen.name, verdict, said)


def check_locks(settings: Settings, domains: Iterable[str], now: datetime) -> Iterator[HealthCheck]:
    """Find locks that are held for longer than others wait for them."""
    for domain in domains:
        try:
            holder = domain_holder(settings, domain)
        except AuditUnavailable:
            # `check_audit` tells it once, and of all domains.
            return
        if holder is None:
            continue
        held = _seconds_since(holder.since, now)
        too_long = held is not None and held > settings.lock_timeout_seconds
        said = f"held by {holder}"
        if too_long and held is not None:
            said += f", for {held / 3600:.1f} hours: runs that wait for it fail"
        yield HealthCheck("lock", domain, "broken" if too_long else "ok", said)


def check_backup(
    settings: Settings,
    now: datetime,
    open_store: Callable[[str], BackupStore] = BackupStore,
) -> Iterator[HealthCheck]:
    """Judge the newest backup, where a place of backups is set."""
    if not settings.backup_url:
        return
    try:
        store = open_store(settings.backup_url.get_secret_value())
        header = read_header(store) if backup_ids(store) else None
    except AljibeError as error:
        yield HealthCheck("backup", "newest", "look", str(error))
        return
    yield _judged(header, store.shown, settings.backup_max_hours, now)


def _judged(
    header: BackupHeader | None, place: str, most_hours: float, now: datetime
) -> HealthCheck:
    if header is None:
        return HealthCheck("backup", "newest", "look", f"there is none at {place}")
    hours = (now - header.started_at).total_seconds() / 3600
    said = f"{header.backup_id}, {hours:.1f} hours old"
    if header.missing:
        return HealthCheck(
            "backup", "newest", "broken", f"{said}; RAW lacks {len(header.missing)} of its files"
        )
    return HealthCheck("backup", "newest", "look" if hours > most_hours else "ok", said)


def _seconds_since(moment: str, now: datetime) -> float | None:
    try:
        since = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (now - (since if since.tzinfo else since.replace(tzinfo=UTC))).total_seconds()
