"""Send the digests of the owners; what cannot be delivered is a warning of the run, no failure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from prefect import task
from prefect.blocks.abstract import NotificationBlock
from prefect.cache_policies import NO_CACHE

from blocks.notification import AppriseNotification, deliver
from blocks.notification_lookup import OWNERS, find_notification_block
from lakehouse.errors import AljibeError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.quality.run_facts import RunFacts
from lakehouse.quality.told_owners import ToldOwners
from lakehouse.reports.digest import Digest, owner_digests
from lakehouse.settings import Settings
from tasks.policies import transient_retries


@dataclass(frozen=True)
class _Found:
    block: NotificationBlock | None = None
    fault: str = ""


@task(
    name="notify-owner",
    task_run_name="notify {group} of {domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def notify_owner(domain: str, group: str, send: Callable[[], None]) -> None:
    """Send one digest to one service.

    Args:
        domain: whose digest; like `group` for the name of the task run.
        group: whose owner is told.
        send: does it. Prefect looks into parameters, and a block holds secrets.
    """
    del domain, group
    send()


def tell_owners(facts: RunFacts, settings: Settings) -> list[str]:
    """Tell every owner what is not told yet; returns warnings as `send_digests` does."""
    told = ToldOwners(audit_engine(settings))
    digests = owner_digests(facts, settings.reports_url, told.of(facts.domain), settings.ui_url)
    return send_digests(
        facts, digests, settings, lambda digest: told.record(facts.domain, digest.tells)
    )


def send_digests(
    facts: RunFacts,
    digests: Sequence[Digest],
    settings: Settings,
    told: Callable[[Digest], None] = lambda _digest: None,
) -> list[str]:
    """Send each digest by the block of its group, else by `notify`; without one, send nothing.

    Args:
        facts: the run that they tell of.
        digests: as `owner_digests` gives them.
        settings: of this machine.
        told: called at once when a digest reached at least one service, to note what it tells, so
            that a run that is killed then does not tell it twice.

    Returns:
        Warnings: what could not be delivered, without addresses and secrets.
    """
    warnings: list[str] = []
    found: dict[str | None, _Found] = {}
    silent: set[str] = set()
    for digest in digests:
        if digest.notify not in found:
            found[digest.notify] = _find(digest.notify, settings)
        block, fault = found[digest.notify].block, found[digest.notify].fault
        who = f"the digest for {digest.group} ({facts.domain})"
        if fault:
            warnings.append(f"{who} was not sent: {fault}")
        if block is None:
            continue
        targets = [block]
        if isinstance(block, AppriseNotification):
            targets = list(block.targets(digest.email))
            if block.asks_for_email and not digest.email:
                warnings.append(f"{who} was not sent by e-mail: its group has no owner.email")
        faults = _send(facts.domain, digest, targets, silent)
        warnings += [f"{who} was not delivered by the block {fault}" for fault in faults]
        if len(faults) < len(targets):
            told(digest)
    return warnings


def _find(name: str | None, settings: Settings) -> _Found:
    try:
        return _Found(find_notification_block(name, settings))
    except AljibeError as error:
        return _Found(fault=str(error))


def _send(
    domain: str, digest: Digest, targets: Sequence[NotificationBlock], silent: set[str]
) -> list[str]:
    """Send to each service; gives the block and the cause for each that did not take it."""
    faults = []
    for number, target in enumerate(targets, start=1):
        name = digest.notify or OWNERS
        service = f"{name}, URL {number} of {len(targets)}" if len(targets) > 1 else name
        # A service that stayed silent once has had its tries in this run.
        sending = notify_owner.with_options(retries=0) if service in silent else notify_owner
        state = sending(
            domain,
            digest.group,
            partial(deliver, target, digest.subject, digest.body),
            return_state=True,
        )
        if not state.is_completed():
            silent.add(service)
            error = state.result(raise_on_failure=False)
            cause = str(error) if isinstance(error, AljibeError) else f"{state.name}"
            faults.append(f"{service}: {cause}")
    return faults
