"""olist on the published data: the figures and defects that are known of it, to the last digit.

`OLIST_DIR` names the folder; without it a copy that lies beside the project is taken.
"""

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect.client.schemas.objects import State
from sqlalchemy import text

from flows.elt import elt
from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OLIST_DIR") or ROOT.parent / "shared" / "data" / "olist")
FAILURES = {
    "assert_every_order_has_an_item": 775,
    "assert_every_order_has_a_payment": 1,
    "assert_every_order_has_a_review": 768,
    "assert_every_order_is_paid_as_its_items_cost": 303,
    "assert_every_point_is_in_brazil": 42,
    "assert_no_review_is_older_than_its_order": 74,
    "expression_is_true_stg_order_payments_payment_installments___1": 2,
    "expression_is_true_stg_order_payments_payment_value___0": 9,
    "expression_is_true_stg_orders_delivered_to_carrier_at___approved_at": 1359,
    "expression_is_true_stg_orders_delivered_to_customer_at___delivered_to_carrier_at": 23,
    "expression_is_true_stg_orders_delivered_to_customer_at__is_null": 6,
    "expression_is_true_stg_products_weight_g___0": 4,
    "not_null_stg_orders_approved_at": 14,
    "not_null_stg_orders_delivered_to_carrier_at": 2,
    "not_null_stg_orders_delivered_to_customer_at": 8,
    "not_null_stg_products_category_name": 610,
    "relationships_stg_customers_zip_code_prefix__zip_code_prefix__ref_stg_geolocation_": 278,
    "relationships_stg_products_category_name__category_name__ref_stg_category_translation_": 13,
    "relationships_stg_sellers_zip_code_prefix__zip_code_prefix__ref_stg_geolocation_": 7,
    "unique_stg_order_reviews_order_id": 547,
    "unique_stg_order_reviews_review_id": 789,
}
Query = Callable[[str], list[tuple[Any, ...]]]

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not any(FOLDER.glob("olist_orders_dataset.csv*")),
        reason="the published data are not here; OLIST_DIR names their folder",
    ),
]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, State[Any]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", str(tmp_path_factory.mktemp("published")))
        patch.setenv("OLIST_DIR", str(FOLDER))
        yield load_settings(), elt("olist", return_state=True)


@pytest.fixture(scope="module")
def query(ended: tuple[Settings, State[Any]]) -> Iterator[Query]:
    with duckdb.connect(str(ended[0].warehouse("olist")), read_only=True) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def test_the_run_publishes_with_warnings(ended: tuple[Settings, State[Any]]) -> None:
    assert ended[1].name == "CompletedWithWarnings", ended[1].message


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("fct_orders", 99_441),
        ("fct_order_items", 112_650),
        ("fct_payments", 103_886),
        ("fct_reviews", 99_224),
        ("dim_product", 32_951),
        ("dim_seller", 3_095),
        ("dim_geography", 19_015),
        ("excluded_rows", 0),
    ],
)
def test_every_row_is_there_once(query: Query, table: str, rows: int) -> None:
    assert query(f"select count(*) from core.{table}") == [(rows,)]


def test_people_are_counted_once_and_those_who_came_again_are_known(query: Query) -> None:
    counted = query(
        "select count(*), count(distinct customer_unique_id), "
        "count(*) filter (where is_repeat_customer) from core.dim_customer where is_current"
    )
    assert counted == [(96_096, 96_096, 2_997)]


@pytest.mark.parametrize(
    ("sum_of", "total"),
    [
        ("order_amount) from core.fct_orders", "15843553.24"),
        ("price) from core.fct_order_items", "13591643.70"),
        ("freight_value) from core.fct_order_items", "2251909.54"),
        ("payment_value) from core.fct_payments", "16008872.12"),
        ("gmv) from marts.mart_executive_dashboard", "15843553.24"),
    ],
)
def test_totals_are_exact(query: Query, sum_of: str, total: str) -> None:
    assert query(f"select sum({sum_of}") == [(Decimal(total),)]


def test_every_known_defect_is_found_and_nothing_else_warns(
    ended: tuple[Settings, State[Any]],
) -> None:
    with audit_engine(ended[0]).connect() as connection:
        found = {
            row.name: row.failures
            for row in connection.execute(
                text("select name, failures from node_results where status = 'warn'")
            )
        }
    assert found == FAILURES


def test_the_receipt_accounts_for_every_row(query: Query) -> None:
    assert (
        query(
            "select table_name from core.reconciliation "
            "where unaccounted_loading <> 0 or unaccounted_building <> 0"
        )
        == []
    )
    assert query(
        "select rows_delivered, rows_repeated, rows_reached from core.reconciliation "
        "where table_name = 'geolocation'"
    ) == [(1_000_163, 261_831, 738_332)]
