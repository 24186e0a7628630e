from types import SimpleNamespace

from lakehouse.lake.table_parts import split_tables


def table(source: str, name: str, connector: str = "files") -> SimpleNamespace:
    return SimpleNamespace(
        source=source, name=name, connector=connector, full_name=f"{source}.{name}"
    )


def test_tables_are_shared_out_by_their_seconds():
    tables = [table("s", name) for name in "abcd"]
    seconds = {"s.a": 1.0, "s.b": 9.0, "s.c": 5.0, "s.d": 4.0}
    assert split_tables(tables, 2, seconds) == [("s.a", "s.b"), ("s.c", "s.d")]


def test_the_tables_of_a_database_are_read_at_one_moment():
    tables = [table("db", "a", "database"), table("s", "x"), table("db", "b", "database")]
    assert split_tables(tables, 4, {}) == [("db.a", "db.b"), ("s.x",)]


def test_there_are_no_more_parts_than_tables():
    assert split_tables([table("s", "a")], 8, {}) == [("s.a",)]
    assert split_tables([], 8, {}) == []
