"""Save the automations: `python -m blocks.automations`; run again at will."""

import sys

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from blocks.notification import AppriseNotification
from blocks.notification_lookup import OPERATORS, saved_type
from blocks.zombie_automation import save_zombie_automation
from lakehouse.errors import AljibeError, BlockInvalid
from lakehouse.settings import Settings, load_settings

AUTOMATION = "aljibe-notify-operators"
WORK_POOL = "aljibe"
_TROUBLE = ("Failed", "Crashed", "TimedOut", "Late")
_COMPLETED = ("Completed", "CompletedWithWarnings")
_SUBJECT = "{{ flow.name }}/{{ deployment.name }}: {{ flow_run.state.name }}"
_BODY = """\
{{ flow.name }}/{{ deployment.name }}, run {{ flow_run.name }}: {{ flow_run.state.name }}
{{ flow_run.state.message or "" }}
%s"""


def save_automations(settings: Settings) -> list[str]:
    """Make the automations or bring them up to date.

    The one that tells operators is removed where no block says whom to tell.

    One that was switched off in the UI stays off.

    Returns:
        A line for each automation.

    Raises:
        BlockInvalid: the block is of a type that the server does not know, or of several.
        PrefectUnavailable: the API does not answer.
    """
    zombies = save_zombie_automation(WORK_POOL)
    slug = saved_type(OPERATORS)
    with get_client(sync_client=True) as client:
        saved = client.read_automations_by_name(AUTOMATION)
        if slug is None:
            for one in saved:
                client.delete_automation(one.id)
            return [
                zombies,
                f"left out {AUTOMATION}: no block {OPERATORS} (ALJIBE_NOTIFY_OPERATORS_URL)",
            ]
        if slug == AppriseNotification.get_block_type_slug():
            raise BlockInvalid(
                f"The block {slug}/{OPERATORS} is of a type that the Prefect server, which sends "
                "for automations, does not have. Save it as slack-webhook: that takes any Apprise "
                "URL."
            )
        block = client.read_block_document_by_name(OPERATORS, slug, include_secrets=False)
    wanted = Automation(
        name=AUTOMATION,
        description="Tells operators of runs that failed, crashed or are late.",
        enabled=all(one.enabled for one in saved),
        trigger=_runs_that(*_TROUBLE, *(_COMPLETED if settings.notify_completed else ())),
        actions=[
            SendNotification(
                block_document_id=block.id, subject=_SUBJECT, body=_BODY % _link(settings.ui_url)
            )
        ],
    )
    if saved:
        wanted.id = saved[0].id
        wanted.update()
    else:
        wanted.create()
    return [zombies, f"saved {AUTOMATION}, by {slug}/{OPERATORS}"]


def _runs_that(*states: str) -> EventTrigger:
    pool = {"prefect.resource.role": "work-pool", "prefect.resource.name": WORK_POOL}
    return EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(dict(pool)),
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )


def _link(ui_url: str | None) -> str:
    if ui_url:
        return f"{ui_url.rstrip('/')}/runs/flow-run/{{{{ flow_run.id }}}}"
    return "{{ flow_run|ui_url }}"


if __name__ == "__main__":
    try:
        for line in save_automations(load_settings()):
            print(line)  # noqa: T201
    except AljibeError as error:
        sys.exit(f"automations: {error}")
