"""RAW in a bucket: the ledger decides what readers see."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cli import doctor
from lakehouse.connectors.folder import find_files
from lakehouse.errors import LakeDamaged, LakeRefused, LakeUnavailable
from lakehouse.lake import duckdb_session
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.lake.load_file import load_file
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

pytestmark = pytest.mark.integration
TEXT = "id,city\n" + "".join(f"{number},Salta\n" for number in range(50))
DIES = """
    import os, signal, sys
    from pathlib import Path
    from lakehouse.connectors.folder import find_files
    from lakehouse.lake.ledger import Ledger
    from lakehouse.lake.load_file import load_file
    from lakehouse.lake.object_batches import OutgoingFile
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.settings import load_settings
    from lakehouse.source_catalog import Table

    def die_after(owner, name):
        real = getattr(owner, name)
        def run(*args, **kwargs):
            real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(owner, name, run)

    def die(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    point, folder, table = sys.argv[1:]
    if point == "written":
        OutgoingFile.send = die
    elif point == "sent":
        die_after(OutgoingFile, "send")
    elif point == "committed":
        die_after(Ledger, "record")
    table = Table.model_validate_json(table)
    for found in find_files(Path(folder), table):
        load_file(Path(folder), found, table, RawLake.of(load_settings()))
"""


def make_table(name: str = "sales", **meta: object) -> Table:
    return Table(
        source="shop",
        name=name,
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta.model_validate({"load": "append", "pattern": "*", **meta}),
        columns=(Column(name="id", data_type="integer"), Column(name="city")),
        file=Path("_shop__sources.yml"),
    )


@pytest.fixture
def settings(s3_bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_RAW_URL", f"{s3_bucket}/raw")
    monkeypatch.setenv("ALJIBE_RAW_SINGLE_HOST", "true")
    made = Settings()
    yield made
    release_audit_engine(made)


@pytest.fixture
def lake(settings):
    return RawLake.of(settings)


@pytest.fixture
def objects(settings):
    return ObjectFolder(settings.raw_url)


@pytest.fixture
def landing(tmp_path):
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing"


def deliver(landing: Path, lake: RawLake, table: Table, name: str, content: str):
    (landing / name).write_text(content)
    found = next(file for file in find_files(landing, table) if file.name == name)
    return load_file(landing, found, table, lake)


def rows_in(settings: Settings, lake: RawLake, *tables: Table) -> tuple[int, int]:
    warehouse = settings.warehouse("shop")
    register_raw(Catalog(domain="shop", tables=tables), lake, warehouse, "test")
    with duckdb_session.open_warehouse(warehouse, read_only=True) as connection:
        return connection.execute(
            "select count(*), count(distinct id) from raw.sales "
            "join etl.current_batches on batch_id = _batch_id"
        ).fetchone()


def test_deliveries_are_objects_that_the_ledger_names(settings, lake, objects, landing):
    table = make_table()
    first = deliver(landing, lake, table, "a.csv", TEXT)
    assert deliver(landing, lake, table, "b.csv", "id,city,zip\n77,Jujuy,4600\n").status == "loaded"
    assert deliver(landing, lake, table, "c.csv", TEXT).status == "known"
    batch = lake.ledger.batch(first.batch_id)
    assert set(objects.listing()) == {one.path for one in lake.ledger.batches_of("shop", "sales")}
    assert objects.size_of(batch.path) == batch.bytes
    assert rows_in(settings, lake, table) == (51, 51)
    assert not settings.raw.exists() or not list(settings.raw.rglob("*.parquet"))
    assert not [path for path in settings.scratch.rglob("*") if path.is_file()]
    with duckdb_session.open_warehouse(settings.warehouse("shop")) as connection:
        found = connection.execute("select city, zip from raw.sales where id = 77").fetchall()
    assert found == [("Jujuy", "4600")]


def test_a_table_without_deliveries_is_an_empty_view(settings, lake):
    assert rows_in(settings, lake, make_table()) == (0, 0)


@pytest.mark.soak
@pytest.mark.parametrize("point", ["written", "sent", "committed"])
def test_after_a_kill_the_next_load_has_every_row_once(point, settings, lake, objects, landing):
    table = make_table()
    (landing / "a.csv").write_text(TEXT)
    code = textwrap.dedent(DIES)
    child = subprocess.run(
        [sys.executable, "-c", code, point, str(landing), table.model_dump_json()],
        check=False,
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    committed = point == "committed"
    assert len(objects.listing()) == (0 if point == "written" else 1)
    assert rows_in(settings, lake, table) == ((50, 50) if committed else (0, 0))
    (found,) = find_files(landing, table)
    assert load_file(landing, found, table, lake).status == ("known" if committed else "loaded")
    assert rows_in(settings, lake, table) == (50, 50)
    assert len(objects.listing()) == 1
    assert not [path for path in settings.scratch.rglob("*.parquet") if not committed]


def test_an_object_without_a_row_is_seen_by_nobody_and_removed_when_it_is_old(
    settings, lake, objects, landing, tmp_path
):
    table = make_table()
    first = deliver(landing, lake, table, "a.csv", TEXT)
    path = lake.ledger.batch(first.batch_id).path
    copy = tmp_path / "copy.parquet"
    objects.fetch(path, copy)
    stray = path.replace(first.batch_id, "f" * 32)
    objects.put(copy, stray)
    assert rows_in(settings, lake, table) == (50, 50)
    now = datetime.now(UTC)
    known = lake.ledger.batches_of("shop", "sales")
    young = lake.store.remove_unnamed("shop", "sales", known, now - timedelta(days=1))
    assert list(young) == []
    old = lake.store.remove_unnamed("shop", "sales", known, now + timedelta(seconds=5))
    assert [key for key, _ in old] == [stray]
    assert set(objects.listing()) == {path}


def test_an_object_that_is_gone_is_told_and_its_file_is_work_again(
    settings, lake, objects, landing
):
    table = make_table()
    first = deliver(landing, lake, table, "a.csv", TEXT)
    objects.remove(lake.ledger.batch(first.batch_id).path)
    with pytest.raises(LakeDamaged, match="1 files that count are not in the lake"):
        rows_in(settings, lake, table)
    found = find_files(landing, table)
    known = lake.ledger.newest_deliveries(table)
    assert pending_names(found, known, table, lake) == {"a.csv"}
    assert load_file(landing, found[0], table, lake).status == "loaded"
    assert rows_in(settings, lake, table) == (50, 50)
    assert pending_names(found, known, table, lake) == set()


def test_text_of_an_older_contract_is_judged_in_the_bucket_too(settings, lake, landing):
    deliver(landing, lake, make_table(), "a.csv", "id,city,zip\n1,Salta,0400\n")
    old = make_table()
    typed = old.model_copy(update={"columns": (*old.columns, Column(name="zip", data_type="date"))})
    deliver(landing, lake, typed, "b.csv", "id,city,zip\n2,Salta,2024-01-02\n")
    with pytest.raises(LakeDamaged, match="column zip: 1 values loaded under an older contract"):
        rows_in(settings, lake, typed)


def test_a_wrong_bucket_is_refused_and_a_dead_server_is_worth_another_try(
    settings, landing, monkeypatch, s3_server
):
    table = make_table()
    monkeypatch.setenv("ALJIBE_RAW_URL", "s3://no-such-bucket-here/raw")
    with pytest.raises(LakeRefused, match="make the bucket first"):
        deliver(landing, RawLake.of(Settings()), table, "a.csv", TEXT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(LakeUnavailable, match="cannot be written") as caught:
        deliver(landing, RawLake.of(Settings()), table, "a.csv", TEXT)
    assert s3_server["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_no_secret_is_in_the_warehouse_or_in_what_duckdb_shows(settings, lake, landing, s3_server):
    table = make_table()
    deliver(landing, lake, table, "a.csv", TEXT)
    assert rows_in(settings, lake, table) == (50, 50)
    secret = s3_server["AWS_SECRET_ACCESS_KEY"]
    for path in settings.root.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    with duckdb_session.open_warehouse(settings.warehouse("shop")) as connection:
        shown = connection.execute("from duckdb_secrets()").fetchall()
    assert secret not in str(shown)
    assert json.dumps(s3_server["AWS_ENDPOINT_URL"].removeprefix("http://"))[1:-1] in str(shown)


def test_the_doctor_writes_and_reads_the_bucket(settings, objects):
    (check,) = doctor._raw(settings)
    assert (check.verdict, check.text) == ("ok", f"{settings.raw_url} can be written and read")
    assert objects.listing() == {}


def test_without_credentials_it_says_so(settings, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    refused = pytest.raises(LakeRefused, match="There are no AWS credentials")
    with refused, duckdb_session.open_warehouse(tmp_path / "a.duckdb"):
        pass
    assert "AWS_SESSION_TOKEN" not in os.environ
    with duckdb.connect(str(tmp_path / "a.duckdb")):
        pass
