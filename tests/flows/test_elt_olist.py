"""olist through the real flows: a history, further days, late updates, moves, a full refresh."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect.client.schemas.objects import State
from sqlalchemy import text

from demo.olist.deliveries import (
    LateUpdates,
    OlistDelivery,
    write_history,
    write_late_updates,
    write_next_day,
)
from demo.olist.market import Marketplace
from demo.olist.moves import Moves, write_moves
from flows.backfill import backfill
from flows.dbt_build import dbt_build
from flows.elt import elt
from flows.ingest import ingest
from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import Settings, load_settings

DOMAIN = "olist"
ORDERS = 400
LAYERS = ("core", "marts", "snapshots")
Tables = Mapping[str, list[tuple[Any, ...]]]

# Half of a build's time is its tests, which the first run shows to work.
UNIT_TESTS = "resource_type:unit_test"
ALL_TESTS = f"resource_type:test {UNIT_TESTS}"

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@dataclass
class Story:
    """What happened in one home, step by step."""

    settings: Settings
    market: Marketplace
    states: dict[str, State[Any]] = field(default_factory=dict)
    tables: dict[str, Tables] = field(default_factory=dict)
    history: OlistDelivery | None = None
    day: OlistDelivery | None = None
    late: LateUpdates | None = None
    moves: Moves | None = None

    @property
    def landing(self) -> Path:
        return self.settings.landing(DOMAIN)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.settings.warehouse(DOMAIN)), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def note(self, step: str, state: State[Any]) -> None:
        """Remember how a step ended, and every table after it."""
        assert state.is_completed(), f"{step}: {state.message}"
        self.states[step] = state
        names = self.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            f"where schema_name in {LAYERS} order by 1"
        )
        self.tables[step] = {name: self.query(f"from {name} order by all") for (name,) in names}

    def one(self, step: str, table: str) -> list[tuple[Any, ...]]:
        """Rows of a table after a step."""
        return self.tables[step][table]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("olist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", str(home))
        patch.delenv("OLIST_DIR", raising=False)
        told = Story(load_settings(), Marketplace(7, ORDERS))
        told.history = write_history(told.landing, told.market)
        told.note("first", elt(DOMAIN, return_state=True))
        told.note("again", elt(DOMAIN, return_state=True))

        told.day = write_next_day(told.landing, told.market, day=1)
        told.late = write_late_updates(told.landing, told.market, day=1)
        told.note("day", elt(DOMAIN, exclude=f"tag:weekly {ALL_TESTS}", return_state=True))

        # Two deliveries come before the next build: the snapshots have to see both.
        told.moves = write_moves(told.landing, told.market, day=1)
        told.note("moved", ingest(DOMAIN, return_state=True))
        write_next_day(told.landing, told.market, day=2)
        told.note("incremental", elt(DOMAIN, exclude=UNIT_TESTS, return_state=True))
        told.note(
            "full",
            dbt_build(
                DOMAIN,
                full_refresh=True,
                rebuild_snapshots=True,
                exclude=ALL_TESTS,
                return_state=True,
            ),
        )
        yield told


def test_the_first_daily_run_builds_what_is_due_once_a_week_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    monkeypatch.delenv("OLIST_DIR", raising=False)
    settings = load_settings()
    write_history(settings.landing(DOMAIN), Marketplace(7, 100))
    state = elt(DOMAIN, exclude=f"tag:weekly {ALL_TESTS}", return_state=True)
    assert state.is_completed(), state.message
    with duckdb.connect(str(settings.serving(DOMAIN)), read_only=True) as connection:
        assert connection.execute("from marts.mart_geographic_analysis").fetchall()


def test_the_figures_are_those_that_the_generator_told(story: Story) -> None:
    assert story.history
    totals = story.history.totals
    people, again = _people(story.one("first", "core.dim_customer"), story)
    orders = len(story.one("first", "core.fct_orders"))
    assert (people, again, orders) == (totals.people, totals.repeat_buyers, ORDERS)
    gmv = sum(row[4] for row in story.one("first", "marts.mart_executive_dashboard"))
    assert gmv == totals.items + totals.freight


def test_every_defect_that_was_made_is_found(story: Story) -> None:
    assert story.history
    defects = story.history.defects
    found = {name: int(count) for name, count in _failures(story)}
    expected = {
        "assert_every_order_has_an_item": defects.orders_without_items,
        "assert_every_order_has_a_payment": defects.orders_without_payment,
        "assert_every_order_has_a_review": defects.orders_without_review,
        "assert_every_order_is_paid_as_its_items_cost": defects.amounts_differ,
        "assert_every_point_is_in_brazil": defects.points_abroad,
        "assert_no_review_is_older_than_its_order": defects.reviews_before_purchase,
        "not_null_stg_products_category_name": defects.products_without_category,
        "not_null_stg_orders_approved_at": defects.delivered_without_approval,
        "unique_stg_order_reviews_order_id": defects.orders_with_several_reviews,
        "unique_stg_order_reviews_review_id": defects.repeated_review_ids,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_a_second_run_has_nothing_new_and_changes_nothing(story: Story) -> None:
    assert "nothing new in 9 tables" in str(story.states["again"].message)
    assert story.tables["again"] == story.tables["first"]


def test_a_new_day_and_late_updates_reach_the_facts_and_leave_weekly_marts_alone(
    story: Story,
) -> None:
    assert story.day
    assert story.late
    orders = {row[0]: row[5] for row in story.one("day", "core.fct_orders")}
    assert len(orders) == ORDERS + story.day.totals.rows["orders"]
    before = {row[0]: row[5] for row in story.one("first", "core.fct_orders")}
    assert {before[order] for order in story.late.order_ids} == {"shipped"}
    assert {orders[order] for order in story.late.order_ids} == {"delivered"}
    weekly = "marts.mart_geographic_analysis"
    assert story.one("day", weekly) == story.one("first", weekly)
    assert story.one("incremental", weekly) != story.one("first", weekly)


def test_versions_follow_the_deliveries_without_gap_or_overlap(story: Story) -> None:
    assert story.moves
    for table, key, move, column in (
        ("dim_seller", "seller_id", story.moves.seller, "city"),
        ("dim_product", "product_id", story.moves.product, "category_name"),
        ("dim_customer", "customer_unique_id", story.moves.customer, "city"),
    ):
        versions = story.query(
            f"select {column}, effective_from, effective_to, is_current from core.{table} "
            f"where {key} = '{move.key}' order by effective_from"
        )
        # The day after does not know of the move, and takes it back.
        assert [version[0] for version in versions] == [move.before, move.after, move.before]
        assert [version[3] for version in versions] == [False, False, True]
        assert versions[0][1].year == 1900
        assert versions[-1][2].year == 9999
        assert [version[2] for version in versions[:-1]] == [v[1] for v in versions[1:]]


def test_facts_join_the_version_in_force_at_the_purchase(story: Story) -> None:
    assert story.moves
    joined = story.query(
        "select distinct city, purchased_at < effective_to and purchased_at >= effective_from "
        "from core.fct_order_items join core.dim_seller using (seller_key) "
        f"where seller_id = '{story.moves.seller.key}'"
    )
    assert joined == [(story.moves.seller.before, True)]


def test_incremental_runs_end_as_a_full_refresh_with_snapshots_replayed_from_the_lake(
    story: Story,
) -> None:
    full, incremental = story.tables["full"], story.tables["incremental"]
    assert set(full) == set(incremental)
    different = [name for name in full if full[name] != incremental[name]]
    assert different == []


def test_a_range_that_is_built_anew_changes_nothing(story: Story) -> None:
    days = (date(2017, 1, 1), date(2017, 6, 30))
    story.note("backfilled", backfill(DOMAIN, *days, return_state=True))
    assert story.tables["backfilled"] == story.tables["full"]


def test_a_range_that_ends_before_it_begins_is_refused(story: Story) -> None:
    state = backfill(DOMAIN, date(2018, 2, 1), date(2018, 1, 1), return_state=True)
    assert state.is_failed()
    assert "The range from 2018-02-01 to 2018-01-01 is empty" in str(state.message)


def _people(rows: list[tuple[Any, ...]], story: Story) -> tuple[int, int]:
    names = [
        name
        for (name,) in story.query(
            "select column_name from duckdb_columns() where schema_name = 'core' "
            "and table_name = 'dim_customer' order by column_index"
        )
    ]
    current, again = names.index("is_current"), names.index("is_repeat_customer")
    return sum(row[current] for row in rows), sum(row[current] and row[again] for row in rows)


def _failures(story: Story) -> list[tuple[str, int]]:
    """Failures of each test of the first build, from the history of the audit database."""
    with audit_engine(story.settings).connect() as connection:
        return [
            (row.name, row.failures)
            for row in connection.execute(
                text(
                    "select name, failures from node_results where failures is not null and "
                    "build_id = (select build_id from builds order by started_at limit 1)"
                )
            )
        ]
