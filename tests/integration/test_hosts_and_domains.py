"""All domains at once on two hosts with two workers each; one of them vanishes in the middle."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from servers.network_hosts import NamespacesMissingError
from servers.two_hosts import ENDED, SharedDomains, shared_domains, until

from demo.domains import DOMAINS
from lakehouse.lake.object_folder import ObjectFolder

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(3600)]
# Moments of a run, and the number that its ledger gave a delivery.
OF_THE_RUN = ("_extracted_at", "_delivery_sequence")
GOOD = ("Completed", "CompletedWithWarnings")


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Iterator[SharedDomains]:
    try:
        with shared_domains(tmp_path, ["a", "b"]) as found:
            for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                         "AWS_REGION"):  # fmt: skip
                monkeypatch.setenv(name, found.environment[name])
            yield found
    except NamespacesMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def published(url: str) -> dict[str, tuple[int, int]]:
    """Rows of every published table, and the sum of their hashes."""
    with psycopg.connect(url) as session:
        columns = session.execute(
            "select table_schema, table_name, array_agg(column_name::text order by column_name) "
            "from information_schema.columns join information_schema.tables "
            "using (table_catalog, table_schema, table_name) where table_type = 'BASE TABLE' "
            "and table_schema not in ('information_schema', 'pg_catalog') "
            "and table_schema not like 'aljibe%%' and column_name <> all(%s) group by 1, 2",
            [list(OF_THE_RUN)],
        ).fetchall()
        found = {}
        for schema, table, names in columns:
            query = sql.SQL(
                "select count(*), coalesce(sum(hashtextextended(row({})::text, 0)), 0) from {}"
            ).format(sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(schema, table))
            row = session.execute(query).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = (int(row[0]), int(row[1]))
        return found


def ledger(shared: SharedDomains) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Batches and rows of each source table, as the ledger has them."""
    query = (
        "select source_name, table_name, count(*), count(distinct content_key), sum(rows_loaded) "
        "from batches group by 1, 2"
    )
    with psycopg.connect(shared.database("audit")) as session:
        try:
            return {(one[0], one[1]): one[2:] for one in session.execute(query).fetchall()}
        except psycopg.errors.UndefinedTable:
            # No run has used the audit database yet.
            return {}


def test_everything_completes_as_on_one_machine_though_a_host_vanishes(shared):
    shared.start_workers(each=2)
    asked: set[str] = set()
    for host, domains in (
        ("a", set(DOMAINS) - {"techstore", "olist"}),
        ("b", ("techstore", "olist")),
    ):
        with shared.taken_by(host):
            asked |= {shared.request(domain) for domain in domains}
            until(
                lambda host=host, domains=domains: len(shared.running_on(host)) == len(domains),
                300,
                shared.logs,
            )
    # Both domains of the host have written to the bucket, and are not published.
    until(
        lambda: {"techstore_sftp", "olist_files"} <= {source for source, _ in ledger(shared)},
        600,
        shared.logs,
    )
    assert len(shared.running_on("b")) == 2
    assert shared.hosts["b"].vanish() > 2

    def all_over() -> bool:
        runs = shared.runs()
        good = {one["deployment_id"] for one in runs if one["state_name"] in GOOD}
        return len(good) == len(DOMAINS) and all(one["state_type"] in ENDED for one in runs)

    until(all_over, 2400, shared.logs)
    runs = shared.runs()
    assert sum(one["state_name"] == "Crashed" for one in runs) == 2
    assert {one["id"] for one in runs} >= asked
    wanted, found = (published(shared.database(name)) for name in ("wanted", "serving"))
    assert len(wanted) > 20
    assert {name: rows for name, rows in found.items() if rows != wanted.get(name)} == {}
    assert found.keys() == wanted.keys()
    batches = ledger(shared)
    assert all(number == distinct for number, distinct, _ in batches.values())
    with psycopg.connect(shared.database("audit")) as session:
        named = {path for (path,) in session.execute("select path from batches").fetchall()}
    assert named <= set(ObjectFolder(f"{shared.bucket}/raw").listing())
