"""Files of an incremental table, from their deliveries to what staging reads."""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, load_catalog

TABLES = {
    "again": "again_*.csv",
    "corrected": "corrected_*.csv",
    "together": "together_*.csv",
}
DELIVERIES = [
    ("again_1.csv", "1,a\n2,a\n"),
    ("again_2.csv", "1,b\n"),
    ("again_3.csv", "1,a\n2,a\n"),
    ("corrected_1.csv", "1,first\n1,first too\n2,first\n"),
    ("corrected_1.csv", "1,second\n3,second\n"),
]
TOGETHER = [("together_2.csv", "1,old\n2,kept\n"), ("together_1.csv", "1,new\n")]


@pytest.fixture(scope="module")
def staged(tmp_path_factory, project):
    """Rows that dbt's staging reads of each table, after all deliveries."""
    folder = tmp_path_factory.mktemp("incremental")
    copy = type(project)(folder / "dbt", folder, "shop")
    shutil.copytree(
        project.project_dir, copy.project_dir, ignore=shutil.ignore_patterns("target", "logs")
    )
    write_domain(copy.project_dir / "models/shop/staging")
    catalog, lake = load_catalog(copy.project_dir, "shop"), RawLake.of(Settings(home=folder))
    landing = folder / "landing"
    landing.mkdir()
    for name, rows in DELIVERIES:
        (landing / name).write_text(f"id,said\n{rows}")
        load_found(landing, catalog, lake)
    for place, (name, rows) in enumerate(TOGETHER):
        (landing / name).write_text(f"id,said\n{rows}")
        os.utime(landing / name, (1_700_000_000 + place, 1_700_000_000 + place))
    load_found(landing, catalog, lake)
    register_raw(catalog, lake, copy.warehouse, "test")
    lake.ledger.engine.dispose()
    build = copy.dbt("run", "--select", "path:models/shop")
    assert build.returncode == 0, build.output

    def read(table: str) -> list[tuple[int, str]]:
        with duckdb.connect(str(copy.warehouse), read_only=True) as connection:
            return connection.execute(
                f"select id, said from staging.stg_{table} order by all"
            ).fetchall()

    return read


def write_domain(folder: Path) -> None:
    folder.mkdir(parents=True)
    tables = "".join(
        f"""
      - name: {name}
        config: {{meta: {{load: incremental, key: [id], pattern: "{pattern}"}}}}
        columns: [{{name: id, data_type: integer}}, {{name: said}}]"""
        for name, pattern in TABLES.items()
    )
    (folder / "_shop__sources.yml").write_text(
        f"""
sources:
  - name: shop
    schema: raw
    config: {{meta: {{connector: files, block: landing-shop}}}}
    tables:{tables}
"""
    )
    for name in TABLES:
        model = f"select * from {{{{ current_rows('shop', '{name}') }}}}\n"
        (folder / f"stg_{name}.sql").write_text(model)


def load_found(landing: Path, catalog: Catalog, lake: RawLake) -> None:
    """Load every file that is new or changed, in the order of arrival."""
    for table in catalog.tables:
        known = lake.ledger.newest_deliveries(table)
        for found in find_files(landing, table):
            delivery = known.get(found.name)
            if delivery is None or delivery.mtime_ns != found.mtime_ns:
                load_file(landing, found, table, lake)


def test_of_content_a_then_b_then_a_again_a_counts(staged):
    assert staged("again") == [(1, "a"), (2, "a")]


def test_a_corrected_file_replaces_all_rows_of_its_keys_and_leaves_keys_that_it_lacks(staged):
    assert staged("corrected") == [(1, "second"), (2, "first"), (3, "second")]


def test_of_files_that_come_together_the_one_changed_last_counts(staged):
    assert staged("together") == [(1, "new"), (2, "kept")]
