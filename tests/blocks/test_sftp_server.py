import pytest
from pydantic import ValidationError

from blocks.declared import declared_block, find_block
from blocks.sftp_server import SftpServer
from lakehouse.errors import BlockInvalid

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "J" * 43
SECRETS = ("s3cret-word", "s3cret-key", "s3cret-phrase")


def make_block(**fields) -> SftpServer:
    return SftpServer(
        **{
            "host": "sftp.example",
            "username": "shop",
            "password": SECRETS[0],
            "private_key": SECRETS[1],
            "passphrase": SECRETS[2],
            **fields,
        }
    )


def test_no_secret_shows_in_a_block_or_its_store():
    block = make_block()
    store = block.store("shop-sftp")
    shown = repr(block) + str(block) + repr(store) + str(store)
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    "fields", [{"host": ""}, {"port": 0}, {"connections": 0}, {"username": ""}]
)
def test_fields_that_cannot_be_used_are_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        make_block(**fields)


def test_the_declared_block_takes_the_environment_and_leaves_out_what_is_not_set(
    settings, monkeypatch
):
    for name, value in {
        "HOST": "sftp.example",
        "PORT": "2222",
        "USER": "shop",
        "PASSWORD": SECRETS[0],
        "HOST_KEY": HOST_KEY,
    }.items():
        monkeypatch.setenv(f"TECHSTORE_SFTP_{name}", value)
    monkeypatch.delenv("TECHSTORE_SFTP_PRIVATE_KEY", raising=False)
    monkeypatch.delenv("TECHSTORE_SFTP_PATH", raising=False)
    block = declared_block("techstore-sftp", settings)
    assert isinstance(block, SftpServer)
    assert (block.port, block.path, block.private_key) == (2222, "/upload", None)
    assert block.password
    assert block.password.get_secret_value() == SECRETS[0]
    assert str(block.store("techstore-sftp")) == "sftp://sftp.example:2222/upload"


def test_a_host_variable_that_is_not_set_is_named(settings, monkeypatch):
    monkeypatch.delenv("TECHSTORE_SFTP_HOST", raising=False)
    with pytest.raises(BlockInvalid, match="TECHSTORE_SFTP_HOST is not set"):
        declared_block("techstore-sftp", settings)


@pytest.mark.usefixtures("prefect_database")
def test_a_saved_block_comes_back_with_its_secrets(settings):
    make_block(host_key=HOST_KEY, disabled_algorithms={"macs": ["hmac-sha2-256"]}).save(
        "shop-sftp", overwrite=True
    )
    found = find_block("shop-sftp", SftpServer, settings)
    assert (found.host, found.host_key) == ("sftp.example", HOST_KEY)
    assert found.disabled_algorithms == {"macs": ["hmac-sha2-256"]}
    secrets = (found.password, found.private_key, found.passphrase)
    assert [secret.get_secret_value() for secret in secrets if secret] == list(SECRETS)
