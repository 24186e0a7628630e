import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, text

from lakehouse.errors import AuditTooNew, AuditUnavailable, SettingsInvalid, TransientError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.audit_schema import metadata
from lakehouse.lake.ledger import Ledger
from lakehouse.settings import Settings, load_settings

SECRET = "s3cr3t-pässword"
OPEN = """
    import sys
    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.settings import load_settings
    print("up", flush=True)
    sys.stdin.readline()
    with audit_engine(load_settings()).connect() as connection:
        rows = connection.exec_driver_sql("select count(*) from deliveries").fetchall()
    print(rows, flush=True)
"""


def settings_at(home: Path, url: str | None = None) -> Settings:
    return Settings(home=home, audit_url=SecretStr(url) if url else None)


def test_models_and_migrations_agree(lake):
    with lake.ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_empty_database_gets_every_table(tmp_path):
    (tmp_path / "audit.db").touch()
    engine = audit_engine(settings_at(tmp_path))
    assert set(metadata.tables) <= set(inspect(engine).get_table_names())


def test_several_processes_open_a_new_database_at_once(settings, start_python):
    children = [start_python(OPEN) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "up\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        out, err = child.communicate(timeout=60)
        assert (out, err) == ("[(0,)]\n", "")


def test_several_threads_open_a_new_database_at_once(tmp_path):
    engines = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        engines.append(audit_engine(settings_at(tmp_path)))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(engines) == 6
    assert len({id(engine) for engine in engines}) == 1


@pytest.mark.parametrize(
    "name", ["with blank", "per%20cent%", "quo'te\"s", "[x]*", "añejo #1", "a@b:c"]
)
def test_a_home_of_any_name_holds_its_database(tmp_path, name):
    audit_engine(settings_at(tmp_path / name))
    assert (tmp_path / name / "audit.db").is_file()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "not a database URL"),
        (f"postgresql://ana:{SECRET}@127.0.0.1:port/x", "not a database URL"),
        (f"postgresql://ana:pa/{SECRET}@127.0.0.1/x", "ALJIBE_AUDIT_URL"),
        (f"mysql://ana:{SECRET}@127.0.0.1/x", "mysql is not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_an_unusable_url_is_refused_without_its_password(tmp_path, url, words):
    with pytest.raises((SettingsInvalid, AuditUnavailable), match=words) as caught:
        audit_engine(settings_at(tmp_path, url))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+asyncpg", "postgresql+psycopg2"])
def test_a_server_that_does_not_answer_is_transient_and_keeps_the_password(tmp_path, driver):
    with pytest.raises(AuditUnavailable, match=r"127\.0\.0\.1:9/x.*ALJIBE_AUDIT_URL") as caught:
        audit_engine(settings_at(tmp_path, f"{driver}://ana:{SECRET}@127.0.0.1:9/x"))
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert isinstance(caught.value, TransientError)


def test_an_asynchronous_sqlite_url_means_the_same_file(tmp_path):
    engine = audit_engine(settings_at(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/other.db"))
    assert engine.url.drivername == "sqlite"
    assert (tmp_path / "other.db").is_file()


def test_a_file_that_is_no_database_says_which_one(tmp_path):
    (tmp_path / "audit.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(AuditUnavailable, match=r"audit\.db.*not a database"):
        audit_engine(settings_at(tmp_path))


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/audit.db")
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(text("insert into alembic_version values ('9999')"))
    engine.dispose()
    with pytest.raises(AuditTooNew, match="Install the version"):
        audit_engine(settings_at(tmp_path))


def test_a_fault_in_the_middle_of_a_run_is_transient_too(tmp_path):
    engine = audit_engine(settings_at(tmp_path))
    engine.dispose()
    (tmp_path / "audit.db").unlink()
    for rest in tmp_path.glob("audit.db-*"):
        rest.unlink()
    (tmp_path / "audit.db").mkdir()
    with pytest.raises(AuditUnavailable, match=r"audit\.db"):
        Ledger(engine).batch("b1")


def test_a_long_reader_does_not_hold_writers_up(tmp_path):
    engine = audit_engine(settings_at(tmp_path))
    reader = engine.execution_options(sqlite_begin="DEFERRED")
    with reader.connect() as reading, engine.begin() as writing:
        assert reading.execute(text("select count(*) from builds")).scalar() == 0
        writing.execute(
            text(
                "insert into publications (domain, build_id, tables, published_at) "
                "values ('shop', 'b', '{}', '2026-01-01')"
            )
        )


def test_the_url_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_AUDIT_URL", f"sqlite:///{tmp_path}/elsewhere/a.db")
    audit_engine(load_settings())
    assert (tmp_path / "elsewhere" / "a.db").is_file()
