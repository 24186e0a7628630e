import pytest
from pydantic import ValidationError

from blocks.declared import declared_block, find_block
from blocks.http_api import HttpApi

TOKEN = "t0p-s3cr3t"


def test_secrets_are_sent_and_never_shown():
    block = HttpApi(
        base_url="https://api.example.com", token=f"{TOKEN}\n", headers={"X-Key": f"{TOKEN}-2"}
    )
    access = block.access("shop-api")
    assert access.headers == {"Authorization": f"Bearer {TOKEN}", "X-Key": f"{TOKEN}-2"}
    assert TOKEN not in repr(block) + str(block) + repr(access) + block.model_dump_json()


def test_a_token_may_have_a_header_of_its_own():
    block = HttpApi(base_url="https://api.example.com", token=TOKEN, token_header="X-Api-Key")
    assert block.access("a").headers == {"X-Api-Key": TOKEN}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base_url": f"https://ana:{TOKEN}@x"}, "credentials belong into token"),
        ({"base_url": f"https://x/?key={TOKEN}"}, "credentials belong into token"),
        ({"base_url": "ftp://x"}, "must be http"),
        ({"base_url": "x"}, "must be http"),
        ({"token": f"{TOKEN}\nX-Other: 1"}, "does not allow in a header"),
        ({"token": f"{TOKEN}ñ"}, "does not allow in a header"),
        ({"headers": {"X-Key": f"{TOKEN}\r\nX: 1"}}, "does not allow in a header"),
        ({"headers": {"X Key": TOKEN}}, "is not the name of a header"),
        ({"token_header": "a b"}, "is not the name of a header"),
        ({"requests_per_second": 0}, "greater than 0"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_showing_it(fields, words):
    with pytest.raises(ValidationError) as caught:
        HttpApi(**{"base_url": "https://x"} | fields)
    said = "; ".join(fault["msg"] for fault in caught.value.errors(include_input=False))
    assert words in said
    assert TOKEN not in said


def test_the_declared_apis_come_from_their_variables(settings, monkeypatch):
    monkeypatch.setenv("TECHSTORE_DOLAR_URL", "http://127.0.0.1:8/base")
    block = declared_block("techstore-dolar", settings)
    assert isinstance(block, HttpApi)
    assert str(block.access("techstore-dolar").url("/v1/x")) == "http://127.0.0.1:8/base/v1/x"


def test_a_saved_block_brings_its_secrets_back(prefect_database, settings):
    HttpApi(base_url="https://x", token=TOKEN, headers={"X-Key": TOKEN}).save("shop-api")
    found = find_block("shop-api", HttpApi, settings)
    assert found.access("a").headers == {"Authorization": f"Bearer {TOKEN}", "X-Key": TOKEN}
    assert TOKEN not in repr(found)
