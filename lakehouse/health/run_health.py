"""Whether runs come and go as they should: a pure function of what Prefect says of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

from lakehouse.health.health_check import HealthCheck

WAITS_TOO_LONG = timedelta(minutes=15)


@dataclass(frozen=True)
class DeploymentSeen:
    """A deployment that brings a domain up to date.

    Attributes:
        name: `flow/deployment`.
        created_at: before it nothing was due.
        crons: cron expression and time zone of each schedule that is active.
        last_good: when its newest good run began; None if there is none.
        last_state: name of the state in which its newest run ended; None if none did.
        last_message: of that state.
    """

    name: str
    created_at: datetime
    crons: tuple[tuple[str, str], ...] = ()
    last_good: datetime | None = None
    last_state: str | None = None
    last_message: str = ""
    last_was_good: bool = True


@dataclass(frozen=True)
class RunSeen:
    """A run that has not ended.

    Attributes:
        since: when it began, or should have.
        is_running: whether it began.
        expected_seconds: parameter of the run; None if it has none.
    """

    name: str
    state: str
    since: datetime
    is_running: bool
    expected_seconds: float | None = None


def check_deployments(
    deployments: Iterable[DeploymentSeen], now: datetime, patience: timedelta
) -> Iterator[HealthCheck]:
    """Judge the newest ended run of each, and whether the last moment of its schedule was kept.

    Args:
        deployments: with their runs.
        now: with its zone.
        patience: how long a run may take.
    """
    for one in deployments:
        good = (
            f"last good run {one.last_good:%Y-%m-%d %H:%M} UTC"
            if one.last_good
            else ("no good run yet")
        )
        due = _last_due(one.crons, now - patience)
        if not one.last_was_good:
            said = f"last run {one.last_state}; {good}. {one.last_message[:300]}".rstrip()
            yield HealthCheck("runs", one.name, "broken", said)
        elif due and one.created_at < due and (one.last_good is None or one.last_good < due):
            said = f"nothing completed since {due:%Y-%m-%d %H:%M %Z}, when it was due; {good}"
            yield HealthCheck("runs", one.name, "broken", said)
        else:
            yield HealthCheck("runs", one.name, "ok", good)


def check_open_runs(
    runs: Sequence[RunSeen], now: datetime, patience: timedelta
) -> Iterator[HealthCheck]:
    """Find runs that go on for too long, and runs that nobody begins.

    Args:
        runs: that have not ended.
        now: with its zone.
        patience: how long a run may take; three times what it expects, if that is longer.
    """
    for run in runs:
        lasts = now - run.since
        minutes = lasts.total_seconds() / 60
        allowed = max(patience, timedelta(seconds=3 * (run.expected_seconds or 0)))
        if run.is_running and lasts > allowed:
            said = f"{run.state} for {minutes:.0f} minutes"
            yield HealthCheck("stuck run", run.name, "look", said)
        elif not run.is_running and lasts > WAITS_TOO_LONG:
            behind = run.state == "AwaitingConcurrencySlot"
            if behind and lasts <= allowed:
                continue
            why = "another run of its deployment goes on" if behind else "no worker takes it"
            said = f"{run.state} for {minutes:.0f} minutes: {why}"
            yield HealthCheck("waiting run", run.name, "broken", said)


def _last_due(crons: Iterable[tuple[str, str]], before: datetime) -> datetime | None:
    moments = [
        next(islice(CronSim(cron, before.astimezone(ZoneInfo(zone)), reverse=True), 1))
        for cron, zone in crons
    ]
    return max(moments, default=None)
