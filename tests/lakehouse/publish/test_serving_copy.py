import signal
import threading

import duckdb
import pytest

from lakehouse.errors import PublishRefused, PublishUnverified, WarehouseUnusable
from lakehouse.publish import serving_copy
from lakehouse.publish.serving_copy import PublishedTable, published_tables, write_serving_copy

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from lakehouse.publish import serving_copy as module
    def die(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, sys.argv[3], die)
    table = module.PublishedTable("marts", "sales", "", {})
    module.write_serving_copy(Path(sys.argv[1]), Path(sys.argv[2]), [table], memory="256MB")
"""


def make_node(**overrides):
    node = {
        "resource_type": "model",
        "name": "fct_sales",
        "schema": "marts",
        "fqn": ["aljibe", "shop", "marts", "fct_sales"],
        "config": {"materialized": "table", "meta": {"publish": True}},
    }
    return {**node, **overrides}


def make_table(name="sales", schema="marts", description="", columns=None) -> PublishedTable:
    return PublishedTable(schema, name, description, columns or {})


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "ware's [house]" / "shop.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.sales as select range as id, 'x' || range as t, "
            "(range / 7)::decimal(9,2) as price from range(5000)"
        )
        connection.execute("create schema raw")
        connection.execute(
            'create view "raw"."seen" as select * from "shop"."marts"."sales" where id < 10'
        )
    return path


@pytest.fixture
def serving(tmp_path):
    return tmp_path / "serv'ing" / "shop.duckdb"


def publish(warehouse, serving, *tables):
    return write_serving_copy(warehouse, serving, tables or [make_table()], memory="256MB")


def query(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def leftovers(serving):
    return sorted(path.name for path in serving.parent.iterdir())


def test_the_copy_holds_the_published_tables_under_the_name_of_its_file(warehouse, serving):
    assert publish(warehouse, serving) == {"marts.sales": 5000}
    assert query(serving, "select count(*), min(id), max(t) from shop.marts.sales") == [
        (5000, 0, "x999")
    ]
    assert query(serving, "select table_type, table_name from information_schema.tables") == [
        ("BASE TABLE", "sales")
    ]
    assert leftovers(serving) == ["shop.duckdb"]


def test_views_become_tables_also_when_they_name_their_own_catalog(warehouse, serving):
    assert publish(warehouse, serving, make_table("seen", "raw")) == {"raw.seen": 10}
    warehouse.unlink()
    assert query(serving, "select count(*) from raw.seen") == [(10,)]


def test_descriptions_become_comments(warehouse, serving):
    table = make_table(description="What's sold", columns={"ID": 'The "key"', "gone": "x"})
    publish(warehouse, serving, table)
    assert query(serving, "select comment from duckdb_tables()") == [("What's sold",)]
    assert query(
        serving, "select column_name, comment from duckdb_columns() where comment is not null"
    ) == [("id", 'The "key"')]


def test_names_of_any_content_are_published(warehouse, serving):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute('create schema "my ""marts"""')
        connection.execute('create table "my ""marts"""."año; drop" as select 1 as "a b"')
    table = make_table("año; drop", 'my "marts"', "x", {"a b": "y"})
    assert publish(warehouse, serving, table) == {'my "marts".año; drop': 1}


def test_a_reader_that_has_the_old_file_open_goes_on_and_the_next_sees_the_new(
    warehouse, serving, tmp_path
):
    publish(warehouse, serving)
    reader = duckdb.connect(str(serving), read_only=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from marts.sales where id >= 100")
    publish(warehouse, serving)
    assert reader.execute("select count(*) from marts.sales").fetchone() == (5000,)
    reader.close()
    assert query(serving, "select count(*) from marts.sales") == [(100,)]


def test_no_reader_ever_finds_the_file_missing_or_half(warehouse, serving, start_python):
    publish(warehouse, serving)
    child = start_python(
        """
        import duckdb, sys
        print("up", flush=True)
        while True:
            with duckdb.connect(sys.argv[1], read_only=True) as connection:
                count = connection.execute("select count(*) from marts.sales").fetchone()[0]
                assert count == 5000, count
        """,
        serving,
    )
    child.stdout.readline()
    for _ in range(5):
        publish(warehouse, serving)
    assert child.poll() is None, child.stderr.read()


@pytest.mark.parametrize("schema", ["marts", "nowhere"])
def test_a_table_that_is_not_in_the_warehouse_is_named_and_the_old_copy_stays(
    warehouse, serving, schema
):
    publish(warehouse, serving)
    with pytest.raises(PublishRefused, match=rf"{schema}\.missing .*full build"):
        publish(warehouse, serving, make_table(), make_table("missing", schema))
    assert query(serving, "select count(*) from marts.sales") == [(5000,)]
    assert leftovers(serving) == ["shop.duckdb"]


def test_without_a_warehouse_nothing_is_published(tmp_path, serving):
    with pytest.raises(PublishRefused, match="run a build first"):
        publish(tmp_path / "none.duckdb", serving)
    assert not serving.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "update {copy} set price = price + 1 where id = 77",
        "delete from {copy} where id = 77",
        "update {copy} set t = null where id = 77",
        "insert into {copy} select * from {copy} where id = 77",
    ],
)
def test_a_copy_that_differs_is_not_published(warehouse, serving, monkeypatch, damage):
    publish(warehouse, serving)
    before = serving.stat().st_ino
    real = serving_copy._signature

    def tampered(connection, relation):
        if relation.startswith(serving_copy._FRESH):
            connection.execute(damage.format(copy=relation))
        return real(connection, relation)

    monkeypatch.setattr(serving_copy, "_signature", tampered)
    with pytest.raises(PublishUnverified, match=r"marts\.sales.*Nothing was published"):
        publish(warehouse, serving)
    assert serving.stat().st_ino == before
    assert leftovers(serving) == ["shop.duckdb"]


@pytest.mark.parametrize("step", ["_copy", "_signature", "sync", "publish_file"])
def test_killed_at_any_step_the_old_copy_stays_and_the_next_run_publishes(
    warehouse, serving, start_python, step
):
    publish(warehouse, serving)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from marts.sales where id >= 100")
    child = start_python(KILLED, warehouse, serving, step)
    assert child.wait(60) == -signal.SIGKILL, child.stderr.read()
    assert query(serving, "select count(*) from marts.sales") == [(5000,)]
    assert publish(warehouse, serving) == {"marts.sales": 100}
    assert leftovers(serving) == ["shop.duckdb"]


def test_what_a_writing_reader_left_beside_the_old_copy_is_not_taken_for_the_new_one(
    warehouse, serving
):
    publish(warehouse, serving)
    serving.with_name("shop.duckdb.wal").write_bytes(b"of another file")
    publish(warehouse, serving)
    assert query(serving, "select count(*) from marts.sales") == [(5000,)]


def test_a_warehouse_that_is_being_written_is_not_copied(warehouse, serving, start_python):
    child = start_python(
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "sys.stdin.read()",
        warehouse,
    )
    child.stdout.readline()
    with pytest.raises(WarehouseUnusable):
        publish(warehouse, serving)


def test_nested_and_odd_values_are_verified_and_copied(warehouse, serving):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create table marts.odd as select [1, null] l, {'a': 1, 'b': 'x'} s, map {'k': 1} m, "
            "'nan'::double d, null n, ''::varchar e, '\\xff'::blob b, uuid() u, interval 1 day i "
            "from range(50)"
        )
        connection.execute("create table marts.empty as select 1 as x where false")
    assert publish(warehouse, serving, make_table("odd"), make_table("empty")) == {
        "marts.odd": 50,
        "marts.empty": 0,
    }


def test_two_publications_in_threads_of_two_domains_do_not_disturb_each_other(warehouse, tmp_path):
    other = tmp_path / "mill.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create schema marts; create table marts.sales as select 1 as id")
    found = []
    targets = [(warehouse, "shop"), (other, "mill")]
    threads = [
        threading.Thread(
            target=lambda w=w, n=n: found.append(publish(w, tmp_path / "s" / f"{n}.duckdb"))
        )
        for w, n in targets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rows["marts.sales"] for rows in found) == [1, 5000]


@pytest.mark.parametrize(
    ("node", "published"),
    [
        ({}, True),
        ({"config": {"meta": {}}}, False),
        ({"config": {"meta": {"publish": "yes"}}}, False),
        ({"config": {}, "meta": {"publish": True}}, True),
        ({"config": {"meta": {"publish": False}}, "meta": {"publish": True}}, False),
        ({"config": {"materialized": "ephemeral", "meta": {"publish": True}}}, False),
        ({"resource_type": "test"}, False),
        ({"resource_type": "seed"}, True),
        ({"resource_type": "snapshot"}, True),
        ({"fqn": ["aljibe", "mill", "marts", "shop"]}, False),
        ({"fqn": ["aljibe"]}, False),
    ],
    ids=str,
)
def test_what_is_marked_for_publishing_below_the_domain_is_found(node, published):
    manifest = {"nodes": {"model.aljibe.fct_sales": make_node(**node)}}
    assert bool(published_tables(manifest, "shop")) is published


def test_names_and_descriptions_come_from_the_manifest():
    node = make_node(
        alias="sales",
        description=" What is sold. ",
        columns={"id": {"description": "Key"}, "x": {"description": ""}, "y": {}},
    )
    assert published_tables({"nodes": {"a": node}}, None) == [
        PublishedTable("marts", "sales", "What is sold.", {"id": "Key"})
    ]


def test_sources_are_published_when_they_or_their_table_say_so():
    source = make_node(
        resource_type="source",
        name="orders",
        identifier="orders",
        schema="raw",
        fqn=["aljibe", "shop", "staging", "shop_db", "orders"],
        config={"meta": {"load": "snapshot"}},
        source_meta={"publish": True},
    )
    hidden = {**source, "name": "x", "identifier": "x", "config": {"meta": {"publish": False}}}
    found = published_tables({"nodes": {}, "sources": {"a": source, "b": hidden}}, "shop")
    assert [(table.schema, table.name) for table in found] == [("raw", "orders")]
