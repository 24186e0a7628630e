"""Two homes, one bucket and one PostgreSQL: hosts that write the same lake at once."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from lakehouse.lake import duckdb_session
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.lake.kept_delivery import kept_folder, kept_original
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.quarantine import list_refused, replay
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

pytestmark = pytest.mark.integration
FILES, ROWS = 6, 40
REFUSED = "id,city\n1,Salta\n" + "x,bad\n" * 30
LOADS = """
    import json, sys
    from pathlib import Path
    from lakehouse.connectors.folder import find_files
    from lakehouse.lake.load_file import load_file
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.settings import load_settings
    from lakehouse.source_catalog import Table

    lake = RawLake.of(load_settings())
    print("up", flush=True)
    sys.stdin.readline()
    for folder, described in json.loads(sys.argv[1]):
        table = Table.model_validate_json(described)
        for found in find_files(Path(folder), table):
            print(load_file(Path(folder), found, table, lake).status, flush=True)
"""


def make_table(name: str, **meta: object) -> Table:
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
def environment(s3_bucket, postgres_database, tmp_path, monkeypatch) -> dict[str, str]:
    shared = {
        "ALJIBE_RAW_URL": f"{s3_bucket}/raw",
        "ALJIBE_AUDIT_URL": postgres_database.render_as_string(hide_password=False),
    }
    for name, value in shared.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "here"))
    return {**os.environ, **shared}


@pytest.fixture
def lake(environment):
    settings = Settings()
    yield RawLake.of(settings)
    release_audit_engine(settings)


def start_host(environment: dict[str, str], home: Path, jobs: list[list[str]]):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOADS), json.dumps(jobs)],
        env={**environment, "ALJIBE_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def let_go(*hosts: "subprocess.Popen[str]") -> None:
    """Wait until all are up, then let them begin at once."""
    for host in hosts:
        assert host.stdout.readline() == "up\n"
    for host in hosts:
        host.stdin.write("\n")
        host.stdin.flush()


def seeded(folder: Path, table: str) -> str:
    place = folder / table
    place.mkdir(parents=True)
    for number in range(FILES):
        rows = "".join(f"{number * ROWS + row},Salta\n" for row in range(ROWS))
        (place / f"{number}.csv").write_text("id,city\n" + rows)
    return str(place)


def counted(lake: RawLake, *tables: Table) -> list[tuple[int, int]]:
    warehouse = lake.settings.warehouse("shop")
    register_raw(Catalog(domain="shop", tables=tables), lake, warehouse, "test")
    with duckdb_session.open_warehouse(warehouse, read_only=True) as connection:
        return [
            connection.execute(
                f"select count(*), count(distinct id) from raw.{table.name} "
                "join etl.current_batches on batch_id = _batch_id"
            ).fetchone()
            for table in tables
        ]


@pytest.mark.soak
def test_hosts_write_the_same_and_other_tables_at_once_and_one_is_killed(
    environment, lake, tmp_path
):
    same, one, other = (make_table(name) for name in ("same", "one", "other"))
    folders = {
        table.name: [seeded(tmp_path / "landing", table.name), table.model_dump_json()]
        for table in (same, one, other)
    }
    hosts = [
        start_host(environment, tmp_path / "a", [folders["same"], folders["one"]]),
        start_host(environment, tmp_path / "b", [folders["same"], folders["other"]]),
        start_host(environment, tmp_path / "c", [folders["other"], folders["one"]]),
    ]
    let_go(*hosts)
    # The third dies in the middle of its first table: what it held is free, what it sent unseen.
    assert hosts[2].stdout.readline() in ("loaded\n", "known\n")
    time.sleep(0.02)
    hosts[2].send_signal(signal.SIGKILL)
    outputs = [host.communicate(timeout=240)[0].split() for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0, -signal.SIGKILL]
    assert [len(output) for output in outputs[:2]] == [2 * FILES, 2 * FILES]
    assert outputs[0][:FILES].count("loaded") + outputs[1][:FILES].count("loaded") == FILES
    wanted = (FILES * ROWS, FILES * ROWS)
    assert counted(lake, same, one, other) == [wanted] * 3
    named = {
        batch.path
        for table in ("same", "one", "other")
        for batch in lake.ledger.batches_of("shop", table)
    }
    assert len(named) == 3 * FILES
    there = set(ObjectFolder(lake.settings.raw_url).listing())
    assert named <= there
    assert len(there - named) <= 1, "what the killed host sent and did not commit"


def test_what_one_host_refused_another_shows_replays_and_lets_go(environment, lake, tmp_path):
    table = make_table("strict")
    folder = tmp_path / "landing" / "strict"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(REFUSED)
    strict = table.model_copy(
        update={"meta": table.meta.model_copy(update={"max_reject_share": 0.1})}
    )
    host = start_host(environment, tmp_path / "a", [[str(folder), strict.model_dump_json()]])
    let_go(host)
    output, _ = host.communicate(timeout=120)
    assert output.split() == ["quarantined"]
    assert not list((tmp_path / "a").rglob("original")), "the first host keeps nothing of it"
    lenient = strict.model_copy(
        update={"meta": strict.meta.model_copy(update={"max_reject_share": 0.99})}
    )
    catalogs = [Catalog(domain="shop", tables=(lenient,))]
    (refused,) = list_refused(catalogs, lake)
    kept = kept_folder(lake, lenient, refused.delivery)
    assert kept_original(kept).read_text() == REFUSED
    again = replay(refused, lake, run_id="test")
    assert (again.status, again.rows_loaded, again.rows_rejected) == ("loaded", 1, 30)
    partly = kept_folder(lake, lenient, again)
    assert (partly / "rejects.parquet").is_file()
    for one in lake.quarantine.folders("shop/strict"):
        lake.quarantine.remove(one.path)
    assert kept_folder(lake, lenient, again) is None


def test_a_bucket_with_a_ledger_of_one_machine_is_refused(monkeypatch):
    monkeypatch.delenv("ALJIBE_AUDIT_URL", raising=False)
    with pytest.raises(ValueError, match="Set ALJIBE_AUDIT_URL to PostgreSQL"):
        Settings(raw_url="s3://bucket/raw")
    assert Settings(raw_url="s3://bucket/raw", raw_single_host=True).raw_url
    assert Settings(raw_url="s3://bucket/raw", audit_url=SecretStr("postgresql://h/db")).is_shared
