"""`deploy/databases` on a real PostgreSQL: users, databases, who may do what, again and again."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from servers.child_process import free_port

from lakehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.integration


class Server:
    """A server that `deploy/databases` works on, with names that only one test uses."""

    def __init__(self, admin) -> None:
        self.admin = admin
        self.mark = uuid.uuid4().hex[:8]
        self.password = "clave" + uuid.uuid4().hex

    def url(self, user: str, database: str, driver: str = "postgresql+psycopg") -> str:
        url = self.admin.set(
            drivername=driver,
            username=f"{user}_{self.mark}",
            password=self.password,
            database=f"{database}_{self.mark}",
        )
        return url.render_as_string(hide_password=False)

    def variables(self) -> dict[str, str]:
        admin = self.admin.set(drivername="postgresql")
        asyncpg = self.url("prefect", "prefect", "postgresql+asyncpg")
        return {
            "ADMIN_DATABASE_URL": admin.render_as_string(hide_password=False),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": asyncpg,
            "ALJIBE_AUDIT_URL": self.url("audit", "audit"),
            "ALJIBE_SERVING_URL": self.url("serving", "serving"),
            "ALJIBE_READER_URL": self.url("reader", "serving"),
        }

    def run(self, **changed: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ALJIBE_", "PREFECT_"))}
        return subprocess.run(
            [sys.executable, PROJECT_ROOT / "deploy" / "databases"],
            env={**clean, **self.variables(), "ALJIBE_API_WAIT_SECONDS": "1", **changed},
            capture_output=True,
            text=True,
            check=False,
        )

    def session(self, user: str, database: str) -> psycopg.Connection:
        return psycopg.connect(self.url(user, database, "postgresql"), autocommit=True)


@pytest.fixture
def server(postgres_server) -> Server:
    return Server(postgres_server.url)


def test_each_service_gets_a_database_that_it_alone_may_open(server):
    done = server.run()
    assert done.returncode == 0, done.stderr
    assert server.password not in done.stdout + done.stderr
    for user in ("prefect", "audit", "serving"):
        with server.session(user, user) as session:
            session.execute("create table own (a int)")
            # Prefect's own migrations need it.
            session.execute("create extension if not exists pg_trgm")
    for user, database in (("audit", "prefect"), ("serving", "audit"), ("reader", "audit")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            server.session(user, database)


def test_the_reader_reads_what_is_published_now_and_later_and_writes_nothing(server):
    assert server.run().returncode == 0
    with server.session("serving", "serving") as owner:
        owner.execute("create schema olist_marts")
        owner.execute("create table olist_marts.sales as select 1 as a")
        with server.session("reader", "serving") as reader:
            assert reader.execute("select a from olist_marts.sales").fetchall() == [(1,)]
            for statement in (
                "insert into olist_marts.sales values (2)",
                "drop table olist_marts.sales",
                "create schema mine",
                "create table public.mine (a int)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(statement)


def test_tables_published_before_the_reader_was_made_are_read_too(server):
    assert server.run(ALJIBE_READER_URL="").returncode == 0
    with server.session("serving", "serving") as owner:
        owner.execute("create schema olist_marts")
        owner.execute("create table olist_marts.sales as select 1 as a")
    assert server.run().returncode == 0
    with server.session("reader", "serving") as reader:
        assert reader.execute("select a from olist_marts.sales").fetchall() == [(1,)]


def test_again_it_changes_nothing_but_a_password_that_is_another(server):
    assert server.run().returncode == 0
    with server.session("audit", "audit") as session:
        session.execute("create table kept as select 7 as a")
    again = server.run()
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("found ") == 3
    server.password = "otra" + uuid.uuid4().hex
    assert server.run().returncode == 0
    with server.session("audit", "audit") as session:
        assert session.execute("select a from kept").fetchall() == [(7,)]


def test_a_server_that_logs_its_statements_logs_no_password(server):
    admin = server.variables()["ADMIN_DATABASE_URL"]
    for _ in range(2):
        done = server.run(ADMIN_DATABASE_URL=f"{admin}?options=-c%20log_statement%3Dddl")
        assert done.returncode == 0, done.stderr
    with psycopg.connect(admin) as session:
        (data,) = session.execute("show data_directory").fetchone()
    log = (Path(data).parent / "log").read_text("utf-8", errors="replace")
    assert f'alter role "audit_{server.mark}"' in log
    assert server.password not in log
    server.session("audit", "audit").close()


def test_a_url_without_a_password_gives_nobody_one(server):
    url = server.url("audit", "audit").replace(f":{server.password}@", "@")
    refused = server.run(ALJIBE_AUDIT_URL=url)
    assert refused.returncode == 1
    assert "ALJIBE_AUDIT_URL names no password" in refused.stderr


def test_two_at_once_do_not_hinder_each_other_for_good(server):
    command = [sys.executable, PROJECT_ROOT / "deploy" / "databases"]
    environment = {**os.environ, **server.variables()}
    runs = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
    assert 0 in [code for _, code in ended], ended
    assert server.run().returncode == 0


def test_a_database_of_somebody_else_is_left_alone(server):
    assert server.run().returncode == 0
    foreign = server.url("audit", "serving")
    refused = server.run(ALJIBE_AUDIT_URL=foreign)
    assert refused.returncode == 1
    assert f"serving_{server.mark} is there and belongs to serving_{server.mark}" in refused.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ADMIN_DATABASE_URL": ""}, "ADMIN_DATABASE_URL is not set"),
        ({"ALJIBE_AUDIT_URL": "sqlite:///x.db"}, "ALJIBE_AUDIT_URL is not a PostgreSQL URL"),
        ({"ALJIBE_AUDIT_URL": "no url: clave"}, "ALJIBE_AUDIT_URL is not a database URL"),
    ],
)
def test_what_cannot_be_used_is_named_without_the_secret(server, changed, said):
    done = server.run(**changed)
    assert done.returncode == 1
    assert said in done.stderr
    assert "clave" not in done.stderr


def test_a_server_that_is_away_is_waited_for_and_then_named(server):
    admin = server.admin.set(drivername="postgresql", port=free_port())
    done = server.run(ADMIN_DATABASE_URL=admin.render_as_string(hide_password=False))
    assert done.returncode == 1
    assert f"127.0.0.1:{admin.port}" in done.stderr
    assert str(admin.password) not in done.stderr


def test_a_wrong_password_is_not_waited_for(server):
    admin = server.admin.set(drivername="postgresql", password="wrong")
    done = server.run(
        ADMIN_DATABASE_URL=admin.render_as_string(hide_password=False),
        ALJIBE_API_WAIT_SECONDS="300",
    )
    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
