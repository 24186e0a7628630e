"""Digests on their way to a real webhook and a real mail server."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.email import NotifyEmail
from prefect import flow
from prefect.blocks.core import Block
from prefect.blocks.notifications import SlackWebhook
from pydantic import SecretStr
from servers.child_process import free_port
from servers.message_sinks import MailSink, WebhookSink, running_mail_server, running_webhook

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import GroupFacts, RunFacts, TestState
from lakehouse.reports.digest import Digest, owner_digests
from lakehouse.settings import Settings
from tasks import notify
from tasks.notify import send_digests

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
CANARY = "canary-4111-1111"
SECRET = "s3cr3t-token"


@pytest.fixture
def webhook() -> Iterator[WebhookSink]:
    with running_webhook() as sink:
        yield sink


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with running_mail_server() as sink:
        yield sink


@pytest.fixture
def make_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings with these Apprise URLs."""
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)

    def make(urls: str) -> Settings:
        return Settings(home=tmp_path, notify_url=SecretStr(urls) if urls else None)

    return make


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    eager = notify.notify_owner.with_options(retry_delay_seconds=0)
    monkeypatch.setattr(notify, "notify_owner", eager)
    # Apprise itself waits between two letters to one mail server.
    monkeypatch.setattr(NotifyEmail, "request_rate_per_sec", 0)


def make_facts(*groups: GroupFacts) -> RunFacts:
    """A run with one new warning for each group; the failing row and dbt's message are personal."""
    groups = groups or (make_group(),)
    tests = [
        NodeResult(
            unique_id=group.nodes[0],
            name=group.nodes[0].rpartition(".")[2],
            resource_type="test",
            status="warn",
            failures=2,
            model="ventas",
            column="id",
            test_kind="unique",
            message=CANARY,
        )
        for group in groups
    ]
    return RunFacts(
        "pharma_latam",
        NOW,
        BuildResults(tuple(tests), "run-1", NOW, 2.5, "1.11"),
        tests={test.unique_id: TestState("NEW") for test in tests},
        failing_rows={test.unique_id: FailingRows(("id",), ({"id": CANARY},), 2) for test in tests},
        groups=groups,
    )


def make_group(**overrides: Any) -> GroupFacts:
    name = overrides.get("name", "ventas")
    fields = {
        "name": name,
        "owner": "Ventas",
        "email": "ana+ventas@example.com",
        "language": "es",
        "nodes": (f"test.p.of_{name}",),
        **overrides,
    }
    return GroupFacts(**fields)


def sent(facts: RunFacts, settings: Settings) -> tuple[list[str], list[str]]:
    """Warnings of a run that sends its digests, and the groups that were told."""
    told: list[Digest] = []

    @flow(name="send")
    def send() -> list[str]:
        return send_digests(facts, owner_digests(facts), settings, told.append)

    return send(), [digest.group for digest in told]


@pytest.mark.usefixtures("prefect_database")
class TestDigests:
    def test_a_digest_reaches_a_webhook_once(self, webhook, make_settings):
        assert sent(make_facts(), make_settings(f"json://{webhook.address}/x")) == ([], ["ventas"])
        (body,) = webhook.bodies
        assert body["title"] == "Ventas · pharma_latam: 1 cosa que mirar"
        assert "- Valores repetidos en id de ventas\n  advertencia · NUEVA" in body["message"]
        assert CANARY not in str(webhook.posts)

    def test_one_url_reaches_every_owner_by_his_own_address(self, mail, make_settings):
        facts = make_facts(make_group(), make_group(name="stock", email="luz@example.com"))
        url = f"mailto://{mail.address}?from=aljibe@example.com&to={{email}}"
        assert sent(facts, make_settings(url)) == ([], ["ventas", "stock"])
        assert [to for to, _ in mail.letters] == [["ana+ventas@example.com"], ["luz@example.com"]]
        letter = mail.letters[0][1]
        assert letter["Subject"] == "Ventas · pharma_latam: 1 cosa que mirar"
        assert letter.get_content_type() == "text/plain"
        assert "- Valores repetidos en id de ventas\r\n  advertencia" in letter.get_content()
        assert CANARY not in letter.as_string()

    def test_an_owner_without_an_address_is_named_and_other_urls_still_reach_him(
        self, webhook, mail, make_settings
    ):
        urls = f"mailto://{mail.address}?from=a@example.com&to={{email}} json://{webhook.address}"
        warnings, told = sent(make_facts(make_group(email=None)), make_settings(urls))
        (warning,) = warnings
        assert "ventas" in warning
        assert "has no owner.email" in warning
        assert (told, len(webhook.posts), mail.letters) == (["ventas"], 1, [])

    def test_a_group_is_told_by_the_block_that_it_names(self, webhook, make_settings):
        SlackWebhook(url=SecretStr(f"json://{webhook.address}/slack")).save("sales", overwrite=True)
        facts = make_facts(
            make_group(notify="slack-webhook/sales"),
            make_group(name="stock", notify="sales"),
            make_group(name="other"),
        )
        assert sent(facts, make_settings("")) == ([], ["ventas", "stock"])
        assert [path for path, _ in webhook.posts] == ["/slack", "/slack"]

    def test_a_saved_block_wins_over_the_setting(self, webhook, make_settings):
        SlackWebhook(url=SecretStr(f"json://{webhook.address}/saved")).save("notify")
        try:
            sent(make_facts(), make_settings(f"json://{webhook.address}/set"))
        finally:
            Block.delete("slack-webhook/notify")
        assert [path for path, _ in webhook.posts] == ["/saved"]

    def test_nothing_set_sends_nothing_and_warns_of_nothing(self, make_settings):
        assert sent(make_facts(), make_settings("")) == ([], [])

    @pytest.mark.usefixtures("_no_waiting")
    def test_a_service_that_recovers_gets_the_digest_once(self, webhook, make_settings):
        webhook.statuses = [503, 429]
        assert sent(make_facts(), make_settings(f"json://{webhook.address}"))[0] == []
        assert len(webhook.posts) == 3

    def test_a_service_that_refuses_is_not_asked_again(self, webhook, make_settings):
        webhook.statuses = [403]
        warnings, told = sent(make_facts(), make_settings(f"json://{webhook.address}"))
        assert warnings == [
            "the digest for ventas (pharma_latam) was not delivered by the block notify: its "
            "service answers 403"
        ]
        assert (told, len(webhook.posts)) == ([], 1)

    @pytest.mark.usefixtures("_no_waiting")
    @pytest.mark.parametrize("scheme", ["json", "mailto", "slack"])
    def test_a_target_that_is_down_is_a_warning_without_its_url(
        self, scheme, make_settings, capfd, caplog
    ):
        down = f"127.0.0.1:{free_port()}"
        urls = {
            "json": f"json://ana:{SECRET}@{down}/{SECRET}",
            "mailto": f"mailto://ana:{SECRET}@{down}?from=a@example.com&to=b@example.com",
            "slack": f"json://ana:{SECRET}@{down}/{SECRET}",
        }
        group = make_group()
        if scheme == "slack":
            SlackWebhook(url=SecretStr(urls[scheme])).save("down", overwrite=True)
            group = make_group(notify="slack-webhook/down")
        warnings, told = sent(make_facts(group), make_settings(urls[scheme]))
        assert told == []
        assert [one.rpartition(": ")[2] for one in warnings] == [
            "its service does not answer or does not take it"
        ]
        output = capfd.readouterr()
        assert SECRET not in "".join([*warnings, caplog.text, output.out, output.err])

    @pytest.mark.usefixtures("_no_waiting")
    def test_a_target_that_is_down_does_not_keep_the_others_from_being_told(
        self, webhook, make_settings
    ):
        urls = f"json://127.0.0.1:{free_port()} json://{webhook.address}"
        facts = make_facts(make_group(), make_group(name="stock"))
        warnings, told = sent(facts, make_settings(urls))
        assert ["URL 1 of 2" in warning for warning in warnings] == [True, True]
        assert (told, len(webhook.posts)) == (["ventas", "stock"], 2)
