import os
from pathlib import Path

import pytest

from lakehouse.errors import SettingsInvalid
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings

SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)


def test_every_folder_follows_from_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.raw == tmp_path / "raw"
    assert settings.quarantine == tmp_path / "quarantine"
    assert settings.warehouse("shop") == tmp_path / "warehouse/shop.duckdb"
    assert settings.serving("shop") == tmp_path / "serving/shop.duckdb"
    assert settings.dbt_target("shop") == tmp_path / "target/shop"
    assert settings.lock_file("shop") == tmp_path / "locks/shop.lock"
    assert settings.landing("shop") == tmp_path / "landing/shop"
    assert settings.audit_database_url.get_secret_value() == f"sqlite:///{tmp_path}/audit.db"


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("RAW_DIR", lambda s: s.raw),
        ("QUARANTINE_DIR", lambda s: s.quarantine),
        ("WAREHOUSE_DIR", lambda s: s.warehouse("shop").parent),
        ("SERVING_DIR", lambda s: s.serving("shop").parent),
        ("TARGET_DIR", lambda s: s.dbt_target("shop").parent),
    ],
)
def test_any_part_can_be_moved_by_its_own_variable(monkeypatch, tmp_path, variable, place):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"ALJIBE_{variable}", str(tmp_path / "elsewhere"))
    assert place(load_settings()) == tmp_path / "elsewhere"


def test_home_is_data_below_the_working_directory_and_expands_the_user(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert load_settings().root == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path / "ana"))
    monkeypatch.setenv("ALJIBE_HOME", "~/lake")
    assert load_settings().root == tmp_path / "ana/lake"


@pytest.mark.parametrize("name", ["HOME", "AUDIT_URL", "RAW_DIR", "DBT_THREADS", "PROJECT_DIR"])
def test_an_empty_variable_is_as_good_as_none(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    expected = load_settings()
    monkeypatch.setenv(f"ALJIBE_{name}", "")
    assert load_settings() == expected


def test_the_project_is_the_one_beside_the_library_unless_moved(monkeypatch, tmp_path):
    assert load_settings().project_dir == PROJECT_ROOT / "dbt"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", "other")
    assert load_settings().project_dir == tmp_path / "other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTRACT_WORKERS", "0"),
        ("DUCKDB_THREADS", "many"),
        ("DUCKDB_MEMORY", "a lot"),
        ("DUCKDB_MEMORY", "80%"),
        ("DUCKDB_MEMORY", "1GB'; drop table x"),
        ("DBT_TIMEOUT_SECONDS", "-1"),
        ("LOCK_TIMEOUT_SECONDS", "nan"),
        ("HOME", "/var/what?"),
        ("RAW_DIR", "/var/a\nb"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_not_shown(monkeypatch, name, value):
    monkeypatch.setenv(f"ALJIBE_{name}", value)
    with pytest.raises(SettingsInvalid, match=f"ALJIBE_{name}: ") as caught:
        load_settings()
    assert len(value) < 5 or value not in str(caught.value)
    assert caught.value.__cause__ is None


def test_all_faults_are_told_at_once(monkeypatch):
    monkeypatch.setenv("ALJIBE_DBT_THREADS", "x")
    monkeypatch.setenv("ALJIBE_EXTRACT_WORKERS", "y")
    with pytest.raises(SettingsInvalid, match=r"ALJIBE_EXTRACT_WORKERS.*ALJIBE_DBT_THREADS"):
        load_settings()


def test_the_password_of_the_audit_database_is_never_shown(monkeypatch):
    monkeypatch.setenv("ALJIBE_AUDIT_URL", f"postgresql://ana:{SECRET}@db/x")
    settings = load_settings()
    for text in (
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        f"{settings.audit_url}",
    ):
        assert SECRET not in text
    assert SECRET in settings.audit_database_url.get_secret_value()
    monkeypatch.setenv("ALJIBE_DBT_THREADS", "x")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_settings_can_be_made_by_hand(tmp_path):
    assert Settings(home=Path(tmp_path)).root == tmp_path


@pytest.mark.parametrize("url", ["s3://lake", "s3://lake/raw", "s3://my.lake-1/a/b_c/"])
def test_raw_may_lie_in_a_bucket_whose_ledger_every_host_reaches(monkeypatch, url):
    monkeypatch.setenv("ALJIBE_RAW_URL", url)
    monkeypatch.setenv("ALJIBE_AUDIT_URL", f"postgresql://ana:{SECRET}@db/x")
    settings = load_settings()
    assert settings.raw_place == url.rstrip("/")
    assert settings.is_shared


@pytest.mark.parametrize(
    "url",
    ["lake", "/lake", "gs://lake", "s3://", "s3://key:word@localhost/raw", "s3://lake/a?b"],
)
def test_another_place_of_raw_is_refused_without_showing_it(monkeypatch, url):
    monkeypatch.setenv("ALJIBE_RAW_URL", url)
    monkeypatch.setenv("ALJIBE_AUDIT_URL", f"postgresql://ana:{SECRET}@db/x")
    with pytest.raises(SettingsInvalid, match=r"ALJIBE_RAW_URL: .*must be s3://bucket") as caught:
        load_settings()
    assert "word" not in str(caught.value)


def test_a_bucket_with_the_ledger_of_one_machine_needs_to_be_said(monkeypatch):
    monkeypatch.setenv("ALJIBE_RAW_URL", "s3://lake/raw")
    with pytest.raises(SettingsInvalid, match="Set ALJIBE_AUDIT_URL to PostgreSQL"):
        load_settings()
    monkeypatch.setenv("ALJIBE_RAW_SINGLE_HOST", "true")
    assert load_settings().raw_url == "s3://lake/raw"
