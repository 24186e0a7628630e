"""Whatever is delivered in whatever order, incremental builds of olist end as a full refresh."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from demo.olist.deliveries import write_history, write_late_updates, write_next_day
from demo.olist.files import TABLES, table_path
from demo.olist.market import Marketplace
from demo.olist.moves import write_moves
from flows.dbt_build import dbt_build
from flows.ingest import ingest
from lakehouse.settings import Settings, load_settings

DOMAIN = "olist"
ORDERS = 100
LAYERS = ("core", "marts", "snapshots")
ALL_TESTS = "resource_type:test resource_type:unit_test"
Tables = Mapping[str, list[tuple[Any, ...]]]
Row = dict[str, str]

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


class Then(Enum):
    """What happens between a delivery and the next one."""

    NOTHING = "nothing"
    LOAD = "load"
    BUILD = "build"


class Kind(Enum):
    """What is delivered; the last three are about one table."""

    NEXT_DAY = "next day"
    LATE = "late updates"
    MOVES = "moves"
    CORRECTED = "corrected"
    AGAIN = "again, unchanged"
    OLDER = "the content before the newest"


@dataclass(frozen=True)
class Step:
    """A delivery, and what happens before the next one."""

    kind: Kind
    then: Then
    table: str = ""


_SNAPSHOTS = ("customers", "products", "sellers")
_OF_ORDERS = ("orders", "order_items", "order_payments", "order_reviews")
_THEN = st.sampled_from(Then)
_STEPS = st.lists(
    st.one_of(
        st.builds(Step, st.sampled_from([Kind.NEXT_DAY, Kind.LATE, Kind.MOVES]), _THEN),
        st.builds(
            Step,
            st.sampled_from([Kind.CORRECTED, Kind.AGAIN, Kind.OLDER]),
            _THEN,
            st.sampled_from(_SNAPSHOTS + _OF_ORDERS),
        ),
    ),
    min_size=2,
    max_size=4,
)
# Shrinking would build for many minutes; a sequence is short as it is.
_UNSHRUNK = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Sender:
    """Delivers a marketplace's files, and knows what was delivered before."""

    landing: Path
    market: Marketplace
    day: int = 0
    newest: dict[str, Path] = field(default_factory=dict)
    contents: dict[str, list[bytes]] = field(default_factory=dict)

    def begin(self) -> None:
        """Deliver the history."""
        self._sent(write_history(self.landing, self.market).paths)

    def deliver(self, step: Step) -> None:
        """Deliver what a step says."""
        if step.kind is Kind.NEXT_DAY:
            self.day += 1
            self._sent(write_next_day(self.landing, self.market, day=self.day).paths)
        elif step.kind is Kind.LATE:
            self._sent([write_late_updates(self.landing, self.market, day=self.day).path])
        elif step.kind is Kind.MOVES:
            self._sent(write_moves(self.landing, self.market, day=self.day).paths)
        elif step.kind is Kind.CORRECTED:
            self._correct(step.table)
        elif step.kind is Kind.OLDER:
            self._send(step.table, self.contents[step.table][-2:][0])
        else:
            os.utime(self.newest[step.table])

    def _correct(self, table: str) -> None:
        number = len(self.contents[table])
        if table in _OF_ORDERS:
            # A file of all orders would have all of them built anew.
            self.newest[table] = table_path(self.landing, table, "_corrected")
            text, orders = self.contents[table][0].decode(), self._some_orders(number)
        else:
            text, orders = self.contents[table][-1].decode(), []
        self._send(table, _corrected(text, table, number, orders).encode())

    def _some_orders(self, number: int) -> list[str]:
        """Half of the history, or only two orders; first those of who bought most."""
        people = [self.market.people.person(order) for order in range(self.market.orders)]
        bought = Counter(people)
        rows = list(csv.DictReader(StringIO(self.contents["orders"][0].decode())))
        ordered = sorted(range(len(rows)), key=lambda order: -bought[people[order]])
        chosen = ordered[::2] if number % 2 else [ordered[0], ordered[-1]]
        return [rows[order]["order_id"] for order in chosen]

    def _send(self, table: str, content: bytes) -> None:
        self.newest[table].write_bytes(content)
        self.contents[table].append(content)

    def _sent(self, paths: Sequence[Path]) -> None:
        for path in paths:
            table = next(name for name, (stem, _) in TABLES.items() if path.name.startswith(stem))
            self.newest[table] = path
            self.contents.setdefault(table, []).append(path.read_bytes())


@dataclass(frozen=True)
class Warehouse:
    """The warehouse of one home, and the flows that fill it."""

    settings: Settings

    def load(self) -> None:
        state = ingest(DOMAIN, return_state=True)
        assert state.is_completed(), state.message

    def build(self, **parameters: Any) -> None:
        state = dbt_build(DOMAIN, exclude=ALL_TESTS, return_state=True, **parameters)
        assert state.is_completed(), state.message

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse(DOMAIN)), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> Tables:
        names = self.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            f"where schema_name in {LAYERS} order by 1"
        )
        return {name: self.query(f"from {name} order by all") for (name,) in names}

    def broken_versions(self, dimension: str, key: str) -> list[tuple[Any, ...]]:
        """Keys whose versions do not cover all of time exactly once, or end with none current."""
        return self.query(
            f"""
            with versions as (
                select {key} as key, effective_from, effective_to, is_current,
                    lag(effective_to, 1, timestamp '1900-01-01') over later as ended,
                    lead(effective_from) over later is null as is_last
                from core.{dimension}
                window later as (partition by {key} order by effective_from)
            )
            select key, list((effective_from, effective_to, is_current) order by effective_from)
            from versions
            group by key
            having not bool_and(
                effective_from = ended and effective_from < effective_to
                and is_current = is_last
                and (effective_to = timestamp '9999-12-31') = is_last
            )
            """
        )


# Drawn ones belong to the soak: each takes a minute.
@settings(_UNSHRUNK, phases=[Phase.explicit])
@given(then=_THEN, steps=_STEPS)
@example(
    then=Then.BUILD,
    steps=[
        Step(Kind.CORRECTED, Then.BUILD, "customers"),
        Step(Kind.AGAIN, Then.NOTHING, "sellers"),
        Step(Kind.CORRECTED, Then.BUILD, "orders"),
        Step(Kind.CORRECTED, Then.NOTHING, "orders"),
    ],
)
def test_a_sequence_of_corrections_ends_as_a_full_refresh(then: Then, steps: list[Step]) -> None:
    _assert_incremental_equals_full(then, steps)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@settings(_UNSHRUNK, max_examples=25)
@given(then=_THEN, steps=_STEPS)
def test_many_sequences_end_as_a_full_refresh(then: Then, steps: list[Step]) -> None:
    _assert_incremental_equals_full(then, steps)


def _assert_incremental_equals_full(then: Then, steps: list[Step]) -> None:
    with TemporaryDirectory(prefix="aljibe-") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", home)
        patch.delenv("OLIST_DIR", raising=False)
        warehouse = Warehouse(load_settings())
        sender = Sender(warehouse.settings.landing(DOMAIN), Marketplace(7, ORDERS))
        sender.begin()
        for step in steps:
            if then is not Then.NOTHING:
                warehouse.load()
            if then is Then.BUILD:
                warehouse.build()
            sender.deliver(step)
            then = step.then
        warehouse.load()
        warehouse.build()
        incremental = warehouse.tables()
        for dimension, key in (
            ("dim_customer", "customer_unique_id"),
            ("dim_product", "product_id"),
            ("dim_seller", "seller_id"),
        ):
            assert warehouse.broken_versions(dimension, key) == []
        warehouse.build(full_refresh=True, rebuild_snapshots=True)
        full = warehouse.tables()
    assert set(incremental) == set(full)
    different = [name for name in full if incremental[name] != full[name]]
    for name in different:
        note(f"{name}, incremental: {_only_in(incremental[name], full[name])}")
        note(f"{name}, full: {_only_in(full[name], incremental[name])}")
    assert different == []


def _only_in(these: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> str:
    rows = sorted(set(these) - set(others), key=str)
    return f"{len(rows)} rows, first {rows[:2]}"


def _corrected(text: str, table: str, number: int, orders: list[str]) -> str:
    """A file with some values changed; each number changes them in another way.

    Args:
        text: of the file.
        table: whose file it is.
        number: of the correction.
        orders: whose rows are kept, in this order; empty keeps all.
    """
    reader = csv.DictReader(StringIO(text))
    rows = list(reader)
    if orders:
        rows = [row for row in rows if row["order_id"] in orders]
        rows.sort(key=lambda row: orders.index(row["order_id"]))
    _CORRECTIONS[table](rows, number)
    corrected = StringIO()
    writer = csv.DictWriter(corrected, reader.fieldnames or [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return corrected.getvalue()


def _correct_customers(rows: list[Row], number: int) -> None:
    for row in rows[(number + 1) % 3 :: 3]:
        row["customer_city"] = f"cidade {number}"
    rows[1]["customer_unique_id"] = rows[0]["customer_unique_id"]
    del rows[-1]


def _correct_products(rows: list[Row], number: int) -> None:
    for row in rows[number % 3 :: 3]:
        row["product_category_name"] = f"categoria_{number}"
    rows[0]["product_category_name"] = ""
    del rows[-1]


def _correct_sellers(rows: list[Row], number: int) -> None:
    for row in rows[number % 3 :: 3]:
        row["seller_city"] = f"cidade {number}"
    del rows[-1]


def _correct_orders(rows: list[Row], number: int) -> None:
    # All of the history is older than any delivery, and joins the first version of everything.
    now = datetime.now(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None, microsecond=0)
    for hours, row in enumerate(reversed(rows)):
        row["order_purchase_timestamp"] = str(now + timedelta(hours=hours if hours % 2 else 0))
    rows[-1]["order_status"] = "canceled"
    if number % 2 == 0:
        rows[0]["customer_id"] = rows[-1]["customer_id"]


def _correct_items(rows: list[Row], number: int) -> None:
    for row in rows[::2]:
        row["price"] = f"{number}.99"
    rows[0]["product_id"] = rows[-1]["product_id"]
    rows[-1]["product_id"] = f"unknown {number}"


def _correct_payments(rows: list[Row], number: int) -> None:
    for row in rows[::2]:
        row["payment_value"] = f"{number}.99"


def _correct_reviews(rows: list[Row], number: int) -> None:
    for row in rows[::2]:
        row["review_score"] = str(1 + number % 5)


_CORRECTIONS: Mapping[str, Callable[[list[Row], int], None]] = {
    "customers": _correct_customers,
    "products": _correct_products,
    "sellers": _correct_sellers,
    "orders": _correct_orders,
    "order_items": _correct_items,
    "order_payments": _correct_payments,
    "order_reviews": _correct_reviews,
}
