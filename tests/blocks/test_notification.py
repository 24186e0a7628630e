import httpx
import pytest
from prefect.blocks.core import Block
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    MattermostWebhook,
    SlackWebhook,
)
from pydantic import SecretStr, ValidationError

from blocks.landing_folder import LandingFolder
from blocks.notification import (
    AppriseNotification,
    NotificationRefused,
    NotificationUndelivered,
    deliver,
)
from blocks.notification_lookup import find_notification_block
from lakehouse.errors import BlockInvalid, VariableMissing
from lakehouse.settings import Settings

SECRET = "s3cr3t-token"
MAIL = f"mailtos://ana:{SECRET}@mail.example.com?to={{email}}"


def make_block(*urls: str) -> AppriseNotification:
    return AppriseNotification(url=SecretStr(" ".join(urls)))


@pytest.mark.parametrize("url", [SECRET, f"nonsense://{SECRET}", f"json://ok {SECRET}", "", "  "])
def test_what_apprise_does_not_know_is_refused_without_being_shown(url, capfd, caplog):
    with pytest.raises(ValidationError, match="Apprise") as caught:
        make_block(url)
    output = capfd.readouterr()
    assert SECRET not in "".join([str(caught.value), caplog.text, output.out, output.err])


def test_the_url_is_never_shown():
    assert SECRET not in repr(make_block(MAIL))


def test_each_url_is_a_target_with_the_address_of_the_owner_in_it():
    targets = make_block(MAIL, "json://hook.example.com/x").targets("ana+x@example.com")
    assert [target.url.get_secret_value() for target in targets] == [
        MAIL.replace("{email}", "ana%2Bx%40example.com"),
        "json://hook.example.com/x",
    ]


def test_without_an_address_only_the_other_urls_are_targets():
    (target,) = make_block(MAIL, "json://hook.example.com/x").targets(None)
    assert target.url.get_secret_value() == "json://hook.example.com/x"
    assert make_block(MAIL).targets(None) == []


@pytest.mark.parametrize(
    ("status", "error"), [(503, NotificationUndelivered), (404, NotificationRefused)]
)
def test_a_custom_webhook_that_fails_is_classed_by_its_answer_and_its_url_not_told(
    monkeypatch, status, error
):
    def answer(_self: httpx.Client, **request: object) -> httpx.Response:
        return httpx.Response(status, request=httpx.Request("POST", str(request["url"])))

    monkeypatch.setattr(httpx.Client, "request", answer)
    block = CustomWebhookNotificationBlock(name="x", url=f"https://x.example.com/{SECRET}")
    with pytest.raises(error, match=f"its service answers {status}") as caught:
        deliver(block, "subject", "body")
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


@pytest.mark.parametrize("name", [f"https://hooks.example.com/{SECRET}", "A b", "a/b/c", "x/"])
def test_what_is_no_name_of_a_block_is_refused_without_being_shown(settings, name):
    with pytest.raises(BlockInvalid, match="is named as in Prefect's UI") as caught:
        find_notification_block(name, settings)
    assert SECRET not in str(caught.value)


@pytest.mark.usefixtures("prefect_database")
class TestLookup:
    def test_without_a_block_and_a_setting_there_is_none(self, settings):
        assert find_notification_block(None, settings) is None

    def test_the_setting_gives_the_block_of_all_owners(self, settings):
        given = settings.model_copy(update={"notify_url": SecretStr("json://hook.example.com")})
        found = find_notification_block(None, given)
        assert isinstance(found, AppriseNotification)
        assert found.url.get_secret_value() == "json://hook.example.com"

    def test_a_block_that_a_group_names_must_be_there(self, settings: Settings):
        with pytest.raises(BlockInvalid, match="no block sales"):
            find_notification_block("sales", settings)
        with pytest.raises(VariableMissing, match="ALJIBE_NOTIFY_URL is not set"):
            find_notification_block("notify", settings)
        with pytest.raises(BlockInvalid, match=r"yaml has apprise-notification/notify"):
            find_notification_block("slack-webhook/notify", settings)

    def test_a_saved_block_of_any_type_is_found_by_its_name(self, settings):
        url = SecretStr("json://one.example.com")
        SlackWebhook(url=url).save("sales")
        for name in ("sales", "slack-webhook/sales"):
            assert isinstance(find_notification_block(name, settings), SlackWebhook)
        Block.delete("slack-webhook/sales")

    def test_a_name_that_two_types_have_is_refused_until_the_type_is_told(self, settings):
        SlackWebhook(url=SecretStr("json://one.example.com")).save("both")
        MattermostWebhook(hostname="mm.example.com", token=SecretStr("abcdefghijk")).save("both")
        with pytest.raises(BlockInvalid, match="mattermost-webhook, slack-webhook"):
            find_notification_block("both", settings)
        assert isinstance(find_notification_block("slack-webhook/both", settings), SlackWebhook)

    def test_a_block_that_sends_no_messages_is_refused(self, settings):
        LandingFolder(path="x").save("folder")
        with pytest.raises(BlockInvalid, match="is a LandingFolder, which sends no messages"):
            find_notification_block("landing-folder/folder", settings)
