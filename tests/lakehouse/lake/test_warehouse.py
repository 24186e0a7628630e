"""Which warehouse the settings choose, and what is told of it."""

from pathlib import Path

import pytest

from lakehouse.errors import SettingsInvalid
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.warehouse import (
    prepare_warehouse,
    profile_environment,
    takes_several_builds,
    threads_of,
    version_of,
    warehouse_of,
)
from lakehouse.settings import Settings
from lakehouse.transform.dbt_command import DbtBuild

PASSWORD = "not@to/be:seen"
CATALOG = "postgresql://aljibe:not%40to%2Fbe%3Aseen@db.example:5433/lake?sslmode=require"


def settings_of(home: Path, **changes: object) -> Settings:
    return Settings(home=home, target="lake", **{"lake_catalog_url": CATALOG, **changes})


@pytest.fixture
def lake(tmp_path) -> LakeWarehouse:
    warehouse = warehouse_of(settings_of(tmp_path), "pharma_latam")
    assert isinstance(warehouse, LakeWarehouse)
    return warehouse


def test_a_domain_is_built_in_its_file_unless_the_target_is_a_lake(tmp_path):
    settings = Settings(home=tmp_path, lake_catalog_url=CATALOG)
    file = warehouse_of(settings, "pharma_latam")
    assert file == settings.warehouse("pharma_latam")
    prepare_warehouse(file)
    assert file.parent.is_dir()
    assert not takes_several_builds(file)
    assert (threads_of(file, 4), version_of(file)) == (4, None)
    assert profile_environment(file, tmp_path) == {
        "ALJIBE_TARGET": "embedded",
        "ALJIBE_WAREHOUSE": str(file),
    }


def test_a_lake_has_one_thread_and_takes_several_builds(lake, tmp_path):
    assert takes_several_builds(lake)
    assert threads_of(lake, 4) == 1
    build = DbtBuild.of(settings_of(tmp_path), "pharma_latam", threads=8)
    assert build.arguments()[build.arguments().index("--threads") + 1] == "1"
    assert version_of(lake.at(7)) == 7


def test_the_password_is_in_nothing_but_the_variable_of_libpq(lake):
    environment = lake.environment()
    assert environment.pop("PGPASSWORD") == PASSWORD
    told = [repr(lake), str(lake), lake.at(3).attach_sql(), *environment.values()]
    assert not [text for text in told if PASSWORD in text or "not%40to" in text]
    assert "host=db.example" in lake.address
    assert "sslmode=require" in lake.address
    assert "snapshot_version 3" in lake.at(3).attach_sql()


def test_each_domain_has_a_schema_and_a_folder_of_its_own(tmp_path):
    one, other = (warehouse_of(settings_of(tmp_path), name) for name in ("olist", "wells"))
    assert isinstance(one, LakeWarehouse)
    assert isinstance(other, LakeWarehouse)
    assert one.metadata_schema != other.metadata_schema
    assert one.data == f"{tmp_path.resolve()}/lake/olist/"
    assert other.data == f"{tmp_path.resolve()}/lake/wells/"


def test_a_bucket_is_taken_as_it_is(tmp_path):
    lake = warehouse_of(settings_of(tmp_path, lake_data="s3://bucket/lake/"), "olist")
    assert isinstance(lake, LakeWarehouse)
    assert lake.data == "s3://bucket/lake/olist/"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "needs ALJIBE_LAKE_CATALOG_URL"),
        ("mysql://u:p@db.example/d", "mysql with database 'd' cannot hold"),
        ("postgresql://u:p@db.example", "with database None cannot hold"),
        ("no url", "is not a database URL"),
        ("postgresql://u@db.example/lake?password=p", "password cannot be an option"),
    ],
)
def test_a_catalog_that_cannot_be_one_is_refused(tmp_path, url, said):
    with pytest.raises(SettingsInvalid, match=said):
        warehouse_of(settings_of(tmp_path, lake_catalog_url=url), "olist")


@pytest.mark.parametrize("prefix", ["s3://bucket", "s3://bucket/raw", "s3://bucket/raw/lake"])
def test_a_lake_never_lies_in_the_prefix_of_raw_nor_the_other_way_round(tmp_path, prefix):
    raw = {"raw_url": "s3://bucket/raw", "raw_single_host": True}
    with pytest.raises(SettingsInvalid, match="lie in one another"):
        warehouse_of(settings_of(tmp_path, lake_data=prefix, **raw), "olist")
    warehouse_of(settings_of(tmp_path, lake_data="s3://bucket/rawer", **raw), "olist")


def test_files_lie_in_a_folder_or_in_s3(tmp_path):
    with pytest.raises(SettingsInvalid, match="no folder and no s3:// prefix"):
        warehouse_of(settings_of(tmp_path, lake_data="gs://bucket/lake"), "olist")


@pytest.mark.parametrize("folder", ["", "raw", "raw/lake", "reports"])
def test_files_of_the_lake_never_lie_among_others(tmp_path, folder):
    with pytest.raises(SettingsInvalid, match="lie in one another"):
        warehouse_of(settings_of(tmp_path, lake_data=str(tmp_path / folder)), "olist")
