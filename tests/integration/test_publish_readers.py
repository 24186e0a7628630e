"""Readers in a loop while publications run, some of which fail: no error, no half state, no mix."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import duckdb
import pytest
from servers.published_domain import PublishedDomain

from lakehouse.errors import AljibeError

pytestmark = pytest.mark.integration
ROWS = 2000
# Comparing a long list with an empty one takes pytest longer than the test.
_MOST_KEPT = 5
JOINED = (
    "select min(s.version), max(s.version), min(c.version), max(c.version), count(*) "
    "from {0}.sales s join {0}.customers c using (id)"
)
ONE = "select min(version), max(version), count(*) from {}.{}"


def build(shop: PublishedDomain, version: int, *, spoilt: bool = False) -> None:
    name = "chr(0)" if spoilt else "'x'"
    shop.build(
        *(
            f"create or replace table marts.{table} as select {version} as version, range as id, "
            f"'c' || range as name from range({ROWS})"
            for table in ("sales", "customers")
        ),
        f"create or replace table marts.notes as select {name} as note",
    )


def transaction(shop: PublishedDomain) -> list[tuple[int, ...]]:
    """Both tables, one after the other, in one REPEATABLE READ transaction; the first again."""
    with shop.connect() as session:
        session.execute("begin isolation level repeatable read")
        session.execute("select 1")
        found = []
        for table in ("sales", "customers", "sales"):
            found += session.execute(ONE.format("shop_marts", table).encode()).fetchall()
            time.sleep(0.01)
        session.execute("commit")
    return found


def statement(shop: PublishedDomain) -> list[tuple[int, ...]]:
    """Both tables in one statement, READ COMMITTED."""
    return shop.run(JOINED.format("shop_marts"))


def view(shop: PublishedDomain) -> list[tuple[int, ...]]:
    """A view over both tables, which is made again by every publication."""
    return shop.run("select * from bi.versions")


def serving_copy(shop: PublishedDomain) -> list[tuple[int, ...]]:
    """Both tables of the serving copy in one statement."""
    with duckdb.connect(str(shop.serving), read_only=True) as connection:
        return connection.execute(JOINED.format("marts")).fetchall()


class Reader(threading.Thread):
    """Reads until it is told to stop, and keeps what it should not have seen."""

    def __init__(self, shop: PublishedDomain, read: Callable, done: threading.Event) -> None:
        super().__init__(name=read.__name__, daemon=True)
        self.shop, self.read, self.done = shop, read, done
        self.seen: Counter[int] = Counter()
        self.wrong: list[object] = []

    def run(self) -> None:
        while not self.done.is_set():
            try:
                found = self.read(self.shop)
            except Exception as error:  # noqa: BLE001 - any error is what must not happen
                self.keep(repr(error))
                time.sleep(0.1)
                continue
            versions = {value for row in found for value in row[:-1]}
            if len(versions) != 1 or {row[-1] for row in found} != {ROWS}:
                self.keep(found)
            self.seen.update(versions)

    def keep(self, wrong: object) -> None:
        if len(self.wrong) < _MOST_KEPT:
            self.wrong.append(wrong)


def let_them_read(readers: list[Reader]) -> None:
    """Wait until each has read what is shown now."""
    wanted = [sum(reader.seen.values()) + 2 for reader in readers]
    until = time.monotonic() + 30
    while any(sum(one.seen.values()) < number for one, number in zip(readers, wanted, strict=True)):
        assert time.monotonic() < until, "a reader does not come on"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "rounds",
    [pytest.param(3, marks=pytest.mark.long), pytest.param(50, marks=pytest.mark.soak)],
)
@pytest.mark.timeout(1800)
def test_readers_see_one_whole_publication_or_another(postgres_database, tmp_path, rounds):
    shop = PublishedDomain(postgres_database, tmp_path, options={"lock_seconds": 120})
    build(shop, 0)
    shop.publish("sales", "customers", "notes")
    shop.run(
        "create schema bi",
        f"create view bi.versions (a, b, c, d, n) as {JOINED.format('shop_marts')}",
        "create index on shop_marts.sales (id)",
    )
    done = threading.Event()
    readers = [
        Reader(shop, read, done)
        for read in (transaction, transaction, statement, view, serving_copy)
    ]
    for reader in readers:
        reader.start()
    published, failed = [0], 0
    try:
        for version in range(1, rounds + 1):
            spoilt = version % 3 == 0
            build(shop, version, spoilt=spoilt)
            try:
                shop.publish("sales", "customers", "notes")
            except AljibeError:
                failed += 1
                assert spoilt
            else:
                assert not spoilt
                published.append(version)
            let_them_read(readers)
    finally:
        done.set()
        for reader in readers:
            reader.join(60)
    assert not [reader.name for reader in readers if reader.is_alive()]
    assert failed == rounds // 3
    for reader in readers:
        assert reader.wrong == [], reader.name
        assert set(reader.seen) <= set(published), reader.name
        assert len(reader.seen) > rounds // 3, reader.name
