"""ingest() of tables that come by SFTP or stand behind a URL, as a whole flow."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fsspec.implementations.local import LocalFileSystem
from prefect.blocks.core import Block
from servers.cutting_proxy import cutting_proxy
from servers.sshd import SshServer, make_key

from blocks.landing_folder import LandingFolder
from blocks.sftp_server import SftpServer
from flows.ingest import ingest
from lakehouse.connectors.remote_folder import RemoteFolder
from lakehouse.errors import RemoteFolderUnavailable
from lakehouse.settings import Settings, load_settings
from tasks.extract_files import extract_files, find_table_files

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_database")]
SOURCES = """
sources:
  - name: shop_{connector}
    schema: raw
    config:
      meta: {{connector: {connector}, block: shop-place, load: append, settle_seconds: 0.05}}
    tables:
      - name: payments
        config: {{meta: {{pattern: "payments*.csv"{more}}}}}
        columns: [{{name: id, data_type: integer}}, {{name: city, data_type: varchar}}]
"""


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (find_table_files, extract_files):
        monkeypatch.setattr(task, "retry_delay_seconds", [0.1, 0.1, 0.1])


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path / "dbt"))
    return load_settings()


def declare(settings: Settings, connector: str, block: Block, more: str = "") -> None:
    """One table of domain `shop`, and the place where its files are."""
    folder = settings.project_dir / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(SOURCES.format(connector=connector, more=more))
    block.save("shop-place", overwrite=True)


def server_block(server: SshServer, folder: Path, **fields: Any) -> SftpServer:
    return SftpServer(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "username": server.username,
            "private_key": server.private_key,
            "host_key": server.host_key,
            "path": str(folder),
            **fields,
        }
    )


def rows(settings: Settings) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse("shop")), read_only=True) as warehouse:
        return warehouse.execute(
            "select id, city, _source_file from raw.payments order by all"
        ).fetchall()


def put(folder: Path, name: str, *ids: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("id,city\n" + "".join(f"{number},Salta\n" for number in ids))


def test_files_of_a_server_are_in_the_raw_view_and_a_second_run_finds_nothing(
    settings, ssh_server, upload
):
    declare(settings, "sftp", server_block(ssh_server, upload))
    put(upload, "payments_1.csv", 1, 2)
    put(upload, "payments_2.csv", 3)
    put(upload, "payments_3.csv.part", 4)
    state = ingest("shop", return_state=True)
    assert state.name == "Completed", state.message
    expected = [(1, "Salta", "payments_1.csv"), (2, "Salta", "payments_1.csv")]
    assert rows(settings) == [*expected, (3, "Salta", "payments_2.csv")]
    again = ingest("shop", return_state=True)
    assert again.name == "Completed"
    assert again.message.startswith("nothing new")
    put(upload, "payments_2.csv", 30, 31)
    corrected = ingest("shop", return_state=True)
    assert corrected.name == "Completed", corrected.message
    assert rows(settings)[2:] == [
        (3, "Salta", "payments_2.csv"),
        (30, "Salta", "payments_2.csv"),
        (31, "Salta", "payments_2.csv"),
    ]
    assert not [path for path in settings.scratch.rglob("*") if path.is_file()]


def test_an_odd_name_is_a_finding_and_the_other_files_are_loaded(settings, ssh_server, upload):
    declare(settings, "sftp", server_block(ssh_server, upload))
    put(upload, "payments_1.csv", 1)
    put(upload, "payments\x1b[1m.csv", 2)
    state = ingest("shop", return_state=True)
    assert state.name == "CompletedWithWarnings"
    assert "payments\\x1b[1m.csv was left alone" in state.message
    assert [row[0] for row in rows(settings)] == [1]


def test_a_server_that_comes_back_is_tried_again(settings, ssh_server, upload):
    put(upload, "payments_1.csv", 1)
    # Each second connection gets through: one lists, one downloads.
    with cutting_proxy(ssh_server.port, 100, 1 << 30, 100, 1 << 30) as proxy:
        declare(settings, "sftp", server_block(ssh_server, upload, port=proxy.port))
        state = ingest("shop", return_state=True)
        assert proxy.cuts == 2
    assert state.name == "Completed", state.message
    assert [row[0] for row in rows(settings)] == [1]


@pytest.mark.parametrize("fault", ["key", "host key", "folder"])
def test_a_permanent_fault_fails_at_once_and_says_what_to_do(
    settings, ssh_server, upload, tmp_path, fault
):
    public = make_key(tmp_path / "other")
    stranger = (tmp_path / "other").read_text()
    fields, words = {
        "key": ({"private_key": stranger}, "private_key in the block shop-place"),
        "host key": ({"host_key": public}, "set host_key of the block shop-place to"),
        "folder": ({"path": "/nowhere"}, "the folder /nowhere"),
    }[fault]
    declare(settings, "sftp", server_block(ssh_server, upload, **fields))
    logins = ssh_server.log().count("Connection from")
    state = ingest("shop", return_state=True)
    assert state.name == "Failed"
    assert words in state.message
    assert stranger.splitlines()[1] not in state.message
    assert ssh_server.log().count("Connection from") == logins + 1


def test_a_loaded_file_of_a_local_folder_moves_when_told_to(settings, tmp_path):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=str(landing)), ", after_load: move")
    put(landing, "payments_1.csv", 1)
    (landing / "payments_bad.csv").write_text("other\n1\n")
    state = ingest("shop", return_state=True)
    assert state.name == "CompletedWithWarnings"
    # A refused file stays where somebody looks for it.
    assert sorted(path.name for path in landing.iterdir()) == ["payments_bad.csv", "processed"]
    put(landing, "payments_1.csv", 1)
    os.utime(landing / "payments_1.csv", (5, 5))
    ingest("shop", return_state=True)
    moved = sorted(path.name for path in (landing / "processed").iterdir())
    assert moved == ["payments_1.5000000000.csv", "payments_1.csv"]
    assert [row[0] for row in rows(settings)] == [1]


def test_a_file_that_was_loaded_but_not_yet_moved_moves_at_the_next_run(settings, tmp_path):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=str(landing)))
    put(landing, "payments_1.csv", 1)
    ingest("shop", return_state=True)
    assert (landing / "payments_1.csv").exists()
    sources = settings.project_dir / "models" / "shop" / "_shop__sources.yml"
    text = SOURCES.format(connector="files", more=", after_load: move")
    sources.write_text(text)
    state = ingest("shop", return_state=True)
    assert state.name == "Completed", state.message
    assert [path.name for path in (landing / "processed").iterdir()] == ["payments_1.csv"]


def test_files_behind_a_url_are_loaded_like_local_ones(settings, tmp_path):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=f"file://{landing}"))
    put(landing, "payments_1.csv", 1)
    state = ingest("shop", return_state=True)
    assert state.name == "Completed", state.message
    assert rows(settings) == [(1, "Salta", "payments_1.csv")]
    assert ingest("shop", return_state=True).message.startswith("nothing new")


def test_a_file_that_may_not_be_read_is_a_finding_until_it_may(settings, tmp_path, monkeypatch):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=f"file://{landing}"))
    put(landing, "payments_1.csv", 1)
    put(landing, "payments_2.csv", 2)
    os.utime(landing / "payments_1.csv", (5, 5))
    get_file = LocalFileSystem.get_file

    def refusing(files, path, *args, **options):
        if path.endswith("payments_1.csv"):
            raise PermissionError(13, "Permission denied")
        return get_file(files, path, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "get_file", refusing)
        for _ in range(2):
            state = ingest("shop", return_state=True)
            assert state.name == "CompletedWithWarnings", state.message
            assert "shop_files.payments: payments_1.csv cannot be read: " in state.message
            assert [row[0] for row in rows(settings)] == [2]
    state = ingest("shop", return_state=True)
    assert state.name == "Completed", state.message
    assert [row[0] for row in rows(settings)] == [1, 2]


def test_a_file_that_cannot_be_had_now_is_tried_again_after_the_others_were_loaded(
    settings, tmp_path, monkeypatch
):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=f"file://{landing}"))
    put(landing, "payments_1.csv", 1)
    put(landing, "payments_2.csv", 2)
    os.utime(landing / "payments_1.csv", (5, 5))
    fetch, wanted = RemoteFolder.fetch, []

    def busy_at_first(store, files, *args):
        wanted.append([file.name for file in files])
        for copy in fetch(store, files, *args):
            busy = len(wanted) == 1 and copy.found.name == "payments_1.csv"
            yield replace(copy, fault=RemoteFolderUnavailable("busy")) if busy else copy

    monkeypatch.setattr(RemoteFolder, "fetch", busy_at_first)
    state = ingest("shop", return_state=True)
    assert state.name == "Completed", state.message
    assert wanted == [["payments_1.csv", "payments_2.csv"], ["payments_1.csv"]]
    assert [row[0] for row in rows(settings)] == [1, 2]


def test_files_behind_a_url_are_not_moved_and_nothing_is_loaded_first(settings, tmp_path):
    landing = tmp_path / "landing"
    declare(settings, "files", LandingFolder(path=f"file://{landing}"), ", after_load: move")
    put(landing, "payments_1.csv", 1)
    state = ingest("shop", return_state=True)
    assert state.name == "Failed"
    assert "shop_files.payments: after_load: move is for local folders" in state.message
    assert not list(settings.raw.rglob("*.parquet"))
