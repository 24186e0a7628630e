"""Deliveries in a bucket of an S3 server, and behind other fsspec URLs."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError
from servers.child_process import free_port

from blocks.connection_check import _folder
from blocks.landing_folder import LandingFolder
from lakehouse.connectors.file_store import FileStore, FoundFile, files_of, settled
from lakehouse.connectors.remote_folder import RemoteFolder
from lakehouse.errors import (
    BlockInvalid,
    DeliveryMoving,
    LandingFolderMissing,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
)
from lakehouse.source_catalog import Table

pytestmark = pytest.mark.integration
TABLE = Table.model_validate(
    {
        "source": "shop_bucket",
        "name": "stock",
        "connector": "files",
        "block": "shop-bucket",
        "schema_name": "raw",
        "meta": {"load": "append", "pattern": "*.csv"},
        "columns": [{"name": "a"}],
        "file": Path("_shop__sources.yml"),
    }
)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def options_for(endpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "key": "AKIAEXAMPLE",
        "secret": "s3cret-example",
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": "eu-west-1"},
        "config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 3},
        **more,
    }


@pytest.fixture
def bucket(s3_endpoint: str) -> tuple[Any, str]:
    """A file system, and a folder in a bucket of this test."""
    files = fsspec.filesystem("s3", **options_for(s3_endpoint))
    name = f"bucket-{uuid.uuid4().hex}"
    files.mkdir(name)
    return files, f"{name}/landing"


@pytest.fixture(params=["s3", "file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[FileStore, Any, str]:
    """A store, its file system, and its folder there."""
    if request.param == "s3":
        files, folder = request.getfixturevalue("bucket")
        options = options_for(request.getfixturevalue("s3_endpoint"))
        block = LandingFolder(path=f"s3://{folder}", storage_options=options)
        return block.store("shop-bucket"), files, folder
    folder = f"/{uuid.uuid4().hex}" if request.param == "memory" else str(tmp_path / "landing")
    files = fsspec.filesystem(request.param)
    files.makedirs(folder)
    return LandingFolder(path=f"{request.param}://{folder}").store("shop-bucket"), files, folder


def found_in(store: FileStore) -> list[FoundFile]:
    return list(files_of(TABLE, store.listing(TABLE)).files)


def test_files_of_a_folder_come_as_they_are(place, tmp_path):
    store, files, folder = place
    sent = {f"{size}.csv": os.urandom(size) for size in (0, 10, 70_000, 6_000_000)}
    for name, content in sent.items():
        files.pipe_file(f"{folder}/{name}", content)
    files.makedirs(f"{folder}/below", exist_ok=True)
    files.pipe_file(f"{folder}/below/inner.csv", b"not in the folder itself")
    files.pipe_file(f"{folder}/half.csv.part", b"not complete")
    found = found_in(store)
    assert {file.name: file.size for file in found} == {n: len(c) for n, c in sent.items()}
    came = {}
    with closing(store.fetch(found, tmp_path / "scratch", print)) as fetched:
        for copy in fetched:
            assert copy.fault is None
            came[copy.found.name] = (copy.folder / copy.local_name).read_bytes()
    assert came == sent
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_second_look_sees_what_changed_and_what_went(place):
    store, files, folder = place
    for name in ("done", "grows", "goes"):
        files.pipe_file(f"{folder}/{name}.csv", b"1")
    before = found_in(store)
    files.pipe_file(f"{folder}/grows.csv", b"12")
    files.rm_file(f"{folder}/goes.csv")
    resting, moving = settled(store, before)
    assert [file.name for file in resting] == ["done.csv"]
    assert {file.name for file in moving} == {"grows.csv", "goes.csv"}


def test_files_that_change_or_go_before_they_are_fetched_are_moving(place, tmp_path):
    store, files, folder = place
    for name in ("a", "b", "c"):
        files.pipe_file(f"{folder}/{name}.csv", b"1")
    found = sorted(found_in(store), key=lambda file: file.name)
    files.pipe_file(f"{folder}/a.csv", b"12")
    files.rm_file(f"{folder}/b.csv")
    faults = [copy.fault for copy in store.fetch(found, tmp_path / "scratch", print)]
    assert [type(fault) for fault in faults] == [DeliveryMoving, DeliveryMoving, type(None)]
    assert "1 bytes then, 2 now" in str(faults[0])
    assert "b.csv is gone" in str(faults[1])


def test_odd_names_of_objects_are_told(bucket, s3_endpoint):
    files, folder = bucket
    files.pipe_file(f"{folder}/..\\..\\a.csv", b"1")
    files.pipe_file(f"{folder}/good.csv", b"1")
    block = LandingFolder(path=f"s3://{folder}", storage_options=options_for(s3_endpoint))
    found = files_of(TABLE, block.store("shop-bucket").listing(TABLE))
    assert [file.name for file in found.files] == ["good.csv"]
    assert found.unusable == ("..\\\\..\\\\a.csv",)


def test_a_missing_bucket_is_permanent_and_named(s3_endpoint):
    block = LandingFolder(path="s3://no-such-bucket/x", storage_options=options_for(s3_endpoint))
    with pytest.raises(LandingFolderMissing, match=r"shop_bucket.stock.*s3://no-such-bucket/x"):
        block.store("shop-bucket").listing(TABLE)


def test_a_server_that_does_not_answer_is_transient():
    endpoint = f"http://127.0.0.1:{free_port()}"
    block = LandingFolder(path="s3://bucket/x", storage_options=options_for(endpoint))
    with pytest.raises(RemoteFolderUnavailable, match="s3://bucket/x does not answer"):
        block.store("shop-bucket").listing(TABLE)


def test_missing_credentials_are_permanent(s3_endpoint, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    options = options_for(s3_endpoint)
    del options["key"], options["secret"]
    block = LandingFolder(path="s3://bucket/x", storage_options=options)
    with pytest.raises(RemoteFolderRefused, match="in the block shop-bucket"):
        block.store("shop-bucket").listing(TABLE)


@pytest.mark.parametrize("url", ["nonsense://bucket/x", "s3://bucket/x"])
def test_what_cannot_be_opened_is_permanent_and_shows_no_secret(url):
    options = {"unknown_option_of_s3": "s3cret-example"} if url.startswith("s3") else {}
    block = LandingFolder(path=url, storage_options=options)
    store = block.store("shop-bucket")
    assert "s3cret" not in repr(store) + str(store) + repr(block)
    with pytest.raises(RemoteFolderRefused, match="shop-bucket") as caught:
        store.listing(TABLE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("password", ["s3cret", "s3/cret", "1234@s3cret"])
@pytest.mark.parametrize("url", ["ftp://{}host:21/x", "simplecache::ftp://{}host/x"])
def test_a_url_with_a_password_is_refused_without_showing_it(url, password):
    with pytest.raises(ValidationError, match="belong into storage_options") as caught:
        LandingFolder(path=url.format(f"shop:{password}@"))
    assert "cret" not in str(caught.value)


def test_a_url_with_a_query_is_refused_without_showing_it():
    with pytest.raises(ValidationError, match="belong into storage_options") as caught:
        LandingFolder(path="https://host/x?token=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "abfss://box@account.example/x",
        "ftp://host:2121/a@b",
        "s3://bucket/a:b",
        "ftp://shop@host/x",
    ],
)
def test_a_url_may_have_a_user_a_port_and_odd_names(url):
    assert LandingFolder(path=url).path == url


@pytest.mark.parametrize("login", ["", "shop@", "shop:s3cret@", "shop:s3@cret@"])
def test_a_store_never_shows_who_logs_in(login):
    store = RemoteFolder(f"ftp://{login}host:21/x@y?token=s3cret", {"password": "s3cret"}, "place")
    assert str(store) == "ftp://host:21/x@y"
    assert "s3cret" not in repr(store)
    chained = RemoteFolder(f"simplecache::ftp://{login}host/x", {}, "place")
    assert str(chained) == "simplecache::ftp://host/x"


def test_what_a_connection_check_says_of_a_url_has_no_login():
    fsspec.filesystem("memory").makedirs("shop@host/landing", exist_ok=True)
    block = LandingFolder(path="memory://shop@host/landing")
    assert _folder(block, TABLE) == "memory://host/landing, 0 files"


def test_a_place_that_does_not_tell_sizes_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    serving = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serving) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with pytest.raises(RemoteFolderRefused, match=f"{url} does not say how large"):
            LandingFolder(path=url).store("shop-bucket").listing(TABLE)
        server.shutdown()
        thread.join()


def test_a_file_that_may_not_be_read_leaves_the_others_alone(place, tmp_path, monkeypatch):
    store, files, folder = place
    for name in ("a", "b"):
        files.pipe_file(f"{folder}/{name}.csv", b"1")
    get_file = files.get_file

    def refusing(path, *args, **options):
        if path.endswith("a.csv"):
            raise PermissionError("Access Denied")
        return get_file(path, *args, **options)

    monkeypatch.setattr(files, "get_file", refusing)
    found = sorted(found_in(store), key=lambda file: file.name)
    first, second = [copy.fault for copy in store.fetch(found, tmp_path / "scratch", print)]
    assert isinstance(first, RemoteFolderRefused)
    assert "Access Denied" in str(first)
    assert second is None


def test_a_url_has_no_path_on_this_machine_and_nothing_is_moved_there():
    block = LandingFolder(path="memory://landing")
    with pytest.raises(BlockInvalid, match="no path on this machine"):
        block.folder()
    with pytest.raises(RemoteFolderRefused, match="for local folders"):
        block.store("shop-bucket").set_aside(FoundFile("a.csv", 1, 1))
