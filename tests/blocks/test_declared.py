from pathlib import Path

import httpx
import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate

from blocks.bootstrap import save_blocks
from blocks.database import database_url
from blocks.declared import (
    BLOCK_TYPES,
    DECLARATIONS,
    block_type,
    declared_block,
    declared_names,
    find_block,
)
from blocks.landing_folder import LandingFolder
from lakehouse.errors import BlockInvalid, PrefectUnavailable
from lakehouse.settings import PROJECT_ROOT
from lakehouse.source_catalog import known_domains, load_catalog

PROJECT = PROJECT_ROOT / "dbt"


@pytest.fixture
def declarations(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "blocks.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("path", "environment", "folder"),
    [
        ("${SHOP:-$ALJIBE_HOME/landing}", {}, "{home}/landing"),
        ("${SHOP:-$ALJIBE_HOME/landing}", {"SHOP": "/srv/shop"}, "/srv/shop"),
        ("${SHOP:-/srv/x}", {"SHOP": ""}, "/srv/x"),
        ("$SHOP/in", {"SHOP": "/srv/a $HOME b"}, "/srv/a $HOME b/in"),
        ("${SHOP}/in", {"SHOP": "/srv"}, "/srv/in"),
        ("$ALJIBE_HOME", {"ALJIBE_HOME": "elsewhere"}, "{home}"),
    ],
)
def test_values_come_from_the_environment_or_their_default(
    declarations, settings, monkeypatch, path, environment, folder
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = declarations(f'shop: {{type: landing-folder, path: "{path}"}}')
    block = declared_block("shop", settings, file)
    assert block.folder() == Path(folder.format(home=settings.root))


@pytest.mark.parametrize("path", ["$SHOP_LANDING", "${SHOP_LANDING}", "${A_UNSET:-$SHOP_LANDING}"])
def test_a_variable_that_is_not_set_is_named_with_block_and_field(declarations, settings, path):
    file = declarations(f'shop: {{type: landing-folder, path: "{path}"}}')
    with pytest.raises(BlockInvalid, match="Block shop, field path: the variable SHOP_LANDING"):
        declared_block("shop", settings, file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("other: {type: landing-folder, path: x}", "no block shop.*Declared: other"),
        ("", "no block shop.*Declared: none"),
        (
            "shop: {type: ftp, path: x}",
            "blocks.yaml, shop: type 'ftp' is not one of landing-folder",
        ),
        ("shop: {path: x}", "type None is not one of"),
        ("shop: {type: landing-folder}", "blocks.yaml, shop: path: Field required"),
        ("shop: {type: landing-folder, path: [s3cr3t]}", "blocks.yaml, shop: path: "),
        ("shop: landing", "blocks.yaml, shop: must be a mapping"),
        ("shop:", "blocks.yaml, shop: must be a mapping"),
        ("- shop", "must be a mapping from block names"),
        ("shop: [", "blocks.yaml cannot be read"),
    ],
)
def test_a_faulty_declaration_is_named_without_its_values(declarations, settings, text, words):
    with pytest.raises(BlockInvalid, match=words) as caught:
        declared_block("shop", settings, declarations(text))
    assert "s3cr3t" not in str(caught.value)


@pytest.fixture
def techstore_variables(monkeypatch):
    for name, value in {
        "DATABASE_URL": "mysql://shop:f%C3%A9-secret@db.example:3306/techstore",
        "SFTP_HOST": "sftp.example",
        "SFTP_USER": "shop",
        "SFTP_PASSWORD": "sftp-secret",
        "SFTP_HOST_KEY": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "J" * 43,
        "DOLAR_URL": "https://dolar.example",
        "FERIADOS_URL": "https://feriados.example",
    }.items():
        monkeypatch.setenv(f"TECHSTORE_{name}", value)


@pytest.mark.usefixtures("techstore_variables")
def test_every_block_that_a_source_names_is_declared_and_can_be_built(settings):
    named = {
        table.block
        for domain in known_domains(PROJECT)
        for table in load_catalog(PROJECT, domain).tables
    }
    assert named <= set(declared_names())
    for name in named:
        block = declared_block(name, settings)
        assert isinstance(block, block_type(declared_names()[name]["type"]))
        assert "secret" not in repr(block)


@pytest.mark.usefixtures("techstore_variables", "prefect_database")
def test_a_database_url_becomes_a_secret_and_names_the_installed_driver(settings):
    url = database_url("techstore-database", settings)
    assert url.drivername == "mysql+pymysql"
    assert url.password == "fé-secret"
    assert "secret" not in repr(url)


@pytest.mark.parametrize(
    "text", ["not a url s3cret", "mysql//u:$s3cret@h/d", "mysql://u:$s3cret@h:p/d"]
)
def test_a_database_url_that_cannot_be_read_is_not_shown(monkeypatch, settings, text):
    monkeypatch.setenv("TECHSTORE_DATABASE_URL", text)
    with pytest.raises(BlockInvalid, match="cannot be read") as caught:
        declared_block("techstore-database", settings)
    assert "s3cret" not in str(caught.value)


def test_landing_folders_lie_in_the_home_unless_moved(settings, monkeypatch):
    assert declared_block("landing-pharma-latam", settings).folder() == (
        settings.landing("pharma_latam")
    )
    monkeypatch.setenv("PHARMA_LANDING", "/srv/pharma")
    assert declared_block("landing-pharma-latam", settings).folder() == Path("/srv/pharma")


def test_no_secret_stands_in_the_declarations():
    for name, fields in declared_names(DECLARATIONS).items():
        for field, value in fields.items():
            if any(word in field for word in ("password", "token", "key", "secret", "info")):
                assert str(value).startswith("$"), f"{name}.{field} holds a value"


@pytest.mark.parametrize("slug", BLOCK_TYPES)
def test_every_block_type_has_a_name_a_description_and_described_fields(slug: str):
    kind: type[Block] = block_type(slug)
    assert kind.get_block_type_slug() == slug
    assert kind.get_description()
    for name, field in kind.model_fields.items():
        assert field.description, f"{kind.__name__}.{name} has no description"


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (None, PrefectUnavailable, "does not answer"),
        (503, PrefectUnavailable, "does not answer"),
        (401, BlockInvalid, "refused with 401"),
    ],
)
def test_an_api_that_cannot_be_asked_is_no_missing_block(
    settings, monkeypatch, status, error, words
):
    def load(_name: str) -> LandingFolder:
        if status is None:
            raise httpx.ConnectError("Connection refused")
        request = httpx.Request("GET", "http://127.0.0.1/api")
        raise httpx.HTTPStatusError("no", request=request, response=httpx.Response(status))

    monkeypatch.setattr(LandingFolder, "load", load)
    with pytest.raises(error, match=f"landing-folder/landing-olist.*{words}"):
        find_block("landing-olist", LandingFolder, settings)


@pytest.mark.usefixtures("prefect_database")
class TestSavedBlocks:
    def test_what_is_not_saved_comes_from_the_declarations(self, settings):
        block = find_block("landing-pharma-latam", LandingFolder, settings)
        assert block.folder() == settings.landing("pharma_latam")

    def test_a_saved_block_wins_and_comes_back_as_it_was(self, settings):
        LandingFolder(path="/srv/saved").save("landing-olist", overwrite=True)
        found = find_block("landing-olist", LandingFolder, settings)
        assert found.path == "/srv/saved"

    def test_what_is_neither_saved_nor_declared_says_so(self, settings):
        with pytest.raises(BlockInvalid, match="neither saved nor declared"):
            find_block("landing-nowhere", LandingFolder, settings)

    def test_a_block_of_another_type_is_refused(self, settings):
        class OtherFolder(LandingFolder):
            _block_type_name = "Other Folder"
            _block_type_slug = "other-folder"

        with pytest.raises(BlockInvalid, match="is a LandingFolder, not a other-folder"):
            find_block("landing-pharma-latam", OtherFolder, settings)

    def test_a_saved_block_that_lacks_a_field_is_not_passed_over(self, settings):
        saved = LandingFolder(path="x").save("landing-pharma-latam", overwrite=True)
        with get_client(sync_client=True) as client:
            update = BlockDocumentUpdate(data={}, merge_existing_data=False)
            client.update_block_document(saved, update)
        try:
            with pytest.raises(BlockInvalid, match="landing-folder/landing-pharma-latam lacks"):
                find_block("landing-pharma-latam", LandingFolder, settings)
        finally:
            Block.delete("landing-folder/landing-pharma-latam")

    def test_saving_all_declared_blocks_can_be_repeated(self, settings, monkeypatch):
        monkeypatch.setenv("ALJIBE_HOME", str(settings.home))
        monkeypatch.setattr("blocks.bootstrap.declared_names", lambda: {"landing-pharma-latam": {}})
        assert save_blocks() == ["saved landing-folder/landing-pharma-latam"]
        assert save_blocks() == ["saved landing-folder/landing-pharma-latam"]
        monkeypatch.setenv("PHARMA_LANDING", "/srv/later")
        found = find_block("landing-pharma-latam", LandingFolder, settings)
        assert found.folder() == settings.landing("pharma_latam")
        Block.delete("landing-folder/landing-pharma-latam")
