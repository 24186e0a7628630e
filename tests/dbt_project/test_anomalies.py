"""The anomaly rules as dbt runs them, on a small project with planted outliers."""

import shutil
from datetime import date, timedelta
from statistics import median

import duckdb
import pyarrow as pa
import pytest
import yaml

from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.quality.failing_rows import trace_failing_rows

MONDAY = date(2024, 1, 1)
DAILY = {"season_days": 1}


def noisy(level, count):
    """Values that stay within five of a level, in no order of days or weeks."""
    return [level + n * 37 % 11 - 5 for n in range(count)]


def with_sundays(values, level):
    """The values of days from a Monday on, with another level on Sundays."""
    return [level + value % 3 if n % 7 == 6 else value for n, value in enumerate(values)]


# Totals from MONDAY on, one a day; arguments of the test; days found, counted from the newest.
TOTALS = {
    "peak": ([*noisy(100, 117), 300, *noisy(100, 3)], {}, [3]),
    "gap": ([*noisy(100, 120), 10], {}, [0]),
    "outlier_of_last_month": ([*noisy(100, 90), 300, *noisy(100, 30)], {}, []),
    "season": (with_sundays(noisy(100, 126), 20), {}, []),
    "season_ignored": (with_sundays(noisy(100, 126), 20), DAILY, [0]),
    "busy_sunday": ([*with_sundays(noisy(100, 125), 20), 100], {}, [0]),
    "too_short": ([*noisy(100, 13), 300], DAILY, []),
    "long_enough": ([*noisy(100, 14), 300], DAILY, [0]),
    "shorter_by_choice": ([*noisy(100, 5), 300], {**DAILY, "min_history": 5}, [0]),
    "constant": ([100] * 60, DAILY, []),
    "constant_then_a_little_more": ([100] * 60 + [105], DAILY, []),
    "constant_then_more": ([100] * 60 + [120], DAILY, [0]),
    "constant_then_more_but_allowed": ([100] * 60 + [120], {**DAILY, "min_change": 0.5}, []),
    "nothing_then_something": ([0] * 60 + [1], DAILY, [0]),
    "mostly_constant": ([160] + [100] * 29 + [110], DAILY, [0]),
    "noise_of_doubles": ([0.1 + 0.2, 0.3] * 20 + [0.301], DAILY, []),
    "old_level": ([*noisy(1000, 60), *noisy(100, 60), 1000], {**DAILY, "days": 1}, []),
    "old_level_out_of_sight": (
        [*noisy(1000, 60), *noisy(100, 60), 1000],
        {**DAILY, "window_days": 50},
        [0],
    ),
    "two_newest_judged": ([*noisy(100, 60), 300, 300, 100], {**DAILY, "days": 2}, [1]),
    "below_a_higher_threshold": ([*noisy(100, 60), 130], {**DAILY, "threshold": 20}, []),
    "empty": ([], {}, []),
}
# Rows of the loaded deliveries, oldest first, and arguments of the test; deliveries found.
DELIVERIES = {
    "cut_short": ([*noisy(1000, 20), 100], {}, [20]),
    "as_before": (noisy(1000, 20), {}, []),
    "refused_or_known": (noisy(1000, 20), {}, []),
    "first_ones": ([*noisy(1000, 13), 5], {}, []),
    "never": ([], {}, []),
    "one_of_two": ([*noisy(1000, 20), 100, 1000], {"deliveries": 2}, [20]),
    "as_long_ago": ([*noisy(1000, 20), *noisy(100, 20), 1000], {}, []),
    "not_as_of_late": ([*noisy(1000, 20), *noisy(100, 20), 1000], {"window": 20}, [40]),
}
# Nulls among ten rows of the columns city and price, batch by batch.
BATCHES = {
    "city_is_lost": [(n % 2, 1) for n in range(20)] + [(10, 1)],
    "price_appears": [(0, 9 + n % 2) for n in range(20)] + [(0, 0)],
    "as_empty_as_ever": [(n % 3, 2) for n in range(20)],
    "nothing_came": [],
    "one_batch_of_two": [(n % 2, 1) for n in range(20)] + [(10, 1), (0, 1)],
}
BATCH_ARGUMENTS = {"one_batch_of_two": {"batches": 2, "window": 20}}
TOTAL_RULE = {"column": "Amount BRL", "date_column": "sold at"}
SHARE_RULE = {"source_name": "shop", "columns": ["city", "price"]}


def declared_sources():
    tables = []
    for name, (_, arguments, _) in DELIVERIES.items():
        rule = {"source_name": "shop", "table_name": name, **arguments}
        tables.append({"name": name, "data_tests": [one_test("anomalous_row_count", name, rule)]})
    for name in BATCHES:
        rule = {**SHARE_RULE, "table_name": name, **BATCH_ARGUMENTS.get(name, {})}
        tables.append({"name": name, "data_tests": [one_test("anomalous_null_share", name, rule)]})
    return {"sources": [{"name": "shop", "schema": "raw", "tables": tables}]}


def declared_models():
    models = [
        {
            "name": f"mart_{name}",
            "data_tests": [one_test("anomalous_total", name, {**TOTAL_RULE, **arguments})],
        }
        for name, (_, arguments, _) in TOTALS.items()
    ]
    strict = one_test("anomalous_total", "as_an_error", TOTAL_RULE)
    strict["anomalous_total"]["config"] = {"severity": "error"}
    past = one_test("anomalous_total", "days_left_out", TOTAL_RULE)
    past["anomalous_total"]["config"] = {"where": "\"sold at\" < '2024-04-27'"}
    share = {**SHARE_RULE, "table_name": "city_is_lost", "columns": "city"}
    models[0]["data_tests"] += [strict, past, one_test("anomalous_null_share", "one_column", share)]
    return {"models": models}


def one_test(kind, name, arguments):
    return {kind: {"name": name, "arguments": arguments}}


def fill(warehouse):
    """Raw tables, and the log of loads with the columns that `register_raw` gives it."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute("create schema etl")
        connection.execute(
            'create table raw.sales (scenario varchar, "sold at" timestamp, "Amount BRL" double)'
        )
        connection.execute(
            "create table etl.load_log (delivery_id bigint, source_name varchar, "
            "table_name varchar, file_name varchar, rows_delivered bigint, status varchar)"
        )
        connection.register("sold", sales())
        connection.execute("insert into raw.sales select * from sold")
        connection.executemany("insert into etl.load_log values (?, ?, ?, ?, ?, ?)", load_log())
        for name, batches in BATCHES.items():
            connection.execute(
                f"create table raw.{name} (city varchar, price integer, _batch_id varchar, "
                "_extracted_at timestamptz, _source_file varchar, _source_line bigint)"
            )
            for at, (city, price) in enumerate(batches):
                # Ids of batches are hashes: they say nothing of the order.
                batch = f"{at * 7 % 100:02}"
                connection.execute(
                    f"insert into raw.{name} select case when n >= {city} then 'Recife' end, "
                    f"case when n >= {price} then n end, '{batch}', "
                    f"timestamptz '2024-01-01 00:00:00+00' + interval {at} day, "
                    f"'{name}_{at}.csv', n + 2 from range(10) as t (n)"
                )


def sales():
    rows = []
    for name, (values, _, _) in TOTALS.items():
        for at, value in enumerate(values):
            day = f"{MONDAY + timedelta(at)}"
            rows += [(name, f"{day} 10:30:00", value / 4), (name, f"{day} 11:30:00", value * 0.75)]
            rows += [(name, f"{day} 23:59:59", None), (name, None, 1_000_000.0)]
    scenario, sold_at, amount = zip(*rows, strict=True)
    return pa.table({"scenario": scenario, "sold at": sold_at, "Amount BRL": amount})


def load_log():
    rows = []
    for name, (counts, _, _) in DELIVERIES.items():
        loads = [("loaded", count) for count in counts]
        if name == "refused_or_known":
            loads += [("quarantined", 3), ("known", 5)]
        for at, (status, count) in enumerate(loads):
            file = f"{name}_{at}.csv"
            rows.append((len(rows) + 1, "shop", name, file, count, status))
            # The same table of another source has deliveries of its own.
            rows.append((len(rows) + 1, "other_shop", name, file, 77, "loaded"))
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory, project):
    """A project with our macros and generic tests, and one small domain."""
    folder = tmp_path_factory.mktemp("anomalies")
    for part in ("macros", "tests/generic"):
        shutil.copytree(project.project_dir / part, folder / "dbt" / part)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(project.project_dir / name, folder / "dbt" / name)
    marts = folder / "dbt" / "models" / "shop" / "marts"
    marts.mkdir(parents=True)
    (marts / "_sources.yml").write_text(yaml.safe_dump(declared_sources()))
    (marts / "_models.yml").write_text(yaml.safe_dump(declared_models()))
    for name in TOTALS:
        sql = f"select * from raw.sales where scenario = '{name}'\n"
        (marts / f"mart_{name}.sql").write_text(sql)
    return type(project)(folder / "dbt", folder, "shop")


@pytest.fixture(scope="module")
def before_any_load(shop):
    return shop.dbt("test", "--select", "source:shop")


@pytest.fixture(scope="module")
def build(shop, before_any_load):
    fill(shop.warehouse)
    return shop.dbt("build")


@pytest.fixture(scope="module")
def failing(shop, build):
    """The rows that reports show, by name of the test."""
    target = shop.work / "target"
    results = read_results(target)
    with duckdb.connect(str(build.warehouse), read_only=True) as connection:
        found = trace_failing_rows(connection, results, read_manifest(target))
    return {test.name: found[test.unique_id] for test in results.tests if test.unique_id in found}


@pytest.mark.parametrize("name", TOTALS)
def test_exactly_the_days_out_of_line_are_found(build, name):
    values, _, found = TOTALS[name]
    newest = MONDAY + timedelta(len(values) - 1)
    assert build.status(name) == ("warn" if found else "pass")
    assert build.query(f'select day from dq_audit."{name}"') == [
        (newest - timedelta(age),) for age in found
    ]


def test_a_day_is_told_with_its_total_the_usual_one_and_its_score(build):
    values, _, _ = TOTALS["peak"]
    day = len(values) - 4
    before = values[day % 7 : day : 7]
    mad = median(abs(value - median(before)) for value in before)
    score = 0.6745 * (300 - median(before)) / mad
    assert build.query("select * from dq_audit.peak") == [
        (MONDAY + timedelta(day), 300.0, median(before), round(score, 2), len(before))
    ]


def test_without_a_spread_of_the_middle_the_mean_deviation_is_the_measure(build):
    # 29 of 30 days are 100: the MAD is 0, the mean deviation 60 / 30 = 2.
    score = round(10 / (1.253314 * 2), 2)
    assert build.query("select total, robust_z from dq_audit.mostly_constant") == [(110.0, score)]


def test_without_any_spread_there_is_no_score(build):
    assert build.query("select robust_z from dq_audit.constant_then_more") == [(None,)]


def test_the_severity_and_the_rows_can_be_chosen_as_for_any_test(build):
    assert build.status("as_an_error") == "fail"
    assert build.status("days_left_out") == "pass"


@pytest.mark.parametrize("name", DELIVERIES)
def test_exactly_the_deliveries_out_of_line_are_found(build, name):
    found = DELIVERIES[name][2]
    assert build.status(name) == ("warn" if found else "pass")
    assert build.query(f'select _source_file from dq_audit."{name}"') == [
        (f"{name}_{at}.csv",) for at in found
    ]


def test_a_delivery_is_told_with_its_rows_and_the_usual_ones(build):
    ((rows, usual, score, before),) = build.query(
        "select rows_delivered, median_before, robust_z, deliveries_before from dq_audit.cut_short"
    )
    assert (rows, usual, before) == (100, median(noisy(1000, 20)), 20)
    assert score < -100


def test_columns_that_come_emptier_or_fuller_than_before_are_found(build):
    found = {
        name: build.query(
            "select column_name, null_share, _source_file, batches_before, n_rows "
            f'from dq_audit."{name}"'
        )
        for name in BATCHES
    }
    assert found == {
        "city_is_lost": [("city", 1.0, "city_is_lost_20.csv", 20, 10)],
        "price_appears": [("price", 0.0, "price_appears_20.csv", 20, 10)],
        "as_empty_as_ever": [],
        "nothing_came": [],
        "one_batch_of_two": [("city", 1.0, "one_batch_of_two_20.csv", 20, 10)],
    }
    assert build.status("one_column") == "warn"


def test_a_warehouse_into_which_nothing_was_loaded_is_quiet(before_any_load):
    assert {*DELIVERIES, *BATCHES} <= set(before_any_load.results)
    assert before_any_load.not_passed() == {}


def test_reports_show_what_was_found_and_the_file_of_a_delivery(failing):
    assert failing["peak"].columns == (
        "day",
        "total",
        "median_before",
        "robust_z",
        "days_before",
    )
    for name in ("cut_short", "city_is_lost"):
        (row,) = failing[name].rows
        assert row["_source_file"] == f"{name}_20.csv"
        assert failing[name].traced


def test_every_rule_says_what_an_owner_can_do(build):
    told = {
        name: build.manifest["macros"][f"macro.aljibe.test_{name}"]["description"]
        for name in ("anomalous_total", "anomalous_row_count", "anomalous_null_share")
    }
    assert all("What an owner can do:" in description for description in told.values()), told
