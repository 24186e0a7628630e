"""The demo's telemetry: what it says it wrote is what can be counted in its files."""

from collections import Counter
from datetime import timedelta

import duckdb
import pyarrow.parquet as pq
import pytest

from demo.bioreactor.signals import SAMPLES, TAGS, Faults
from demo.bioreactor.telemetry import SCHEMA, write_telemetry
from lakehouse.settings import PROJECT_ROOT

LIMITS = PROJECT_ROOT / "dbt" / "seeds" / "bioreactor" / "bioreactor_tag_limits.csv"


def counted(folder, sql):
    files = folder / "*.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create view telemetry as from read_parquet('{files}')")
        connection.execute(f"create view limits as from read_csv('{LIMITS}')")
        return connection.execute(sql).fetchall()


def test_the_same_arguments_give_the_same_bytes_and_more_batches_leave_the_first_alone(tmp_path):
    first = write_telemetry(tmp_path / "a", batches=4)
    again = write_telemetry(tmp_path / "b", batches=6)
    other = write_telemetry(tmp_path / "c", batches=4, seed=8)
    for path in first.paths:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert len(again.paths) > len(first.paths)
    assert [path.read_bytes() for path in first.paths] != [p.read_bytes() for p in other.paths]


def test_outliers_gaps_and_missed_samples_are_counted_exactly(tmp_path):
    told = write_telemetry(tmp_path, batches=12, faults=Faults(0.5, 0.5, 0.5))
    assert min(told.outliers, told.gaps, told.drifts) > 10
    assert counted(tmp_path, "select count(*) from telemetry") == [(told.samples,)]
    assert told.samples + told.missed_samples == 12 * len(TAGS) * SAMPLES
    outside = "join limits using (tag) where value not between low_limit and high_limit"
    assert counted(tmp_path, f"select count(*) from telemetry {outside}") == [(told.outliers,)]
    gaps = counted(
        tmp_path,
        "select count(*), sum(minutes - 1) from (select date_diff('minute', lag(ts) over "
        "(partition by batch_id, tag order by ts), ts) as minutes from telemetry) "
        "where minutes > 2",
    )
    assert gaps == [(told.gaps, told.missed_samples)]


def test_a_series_that_drifts_is_steeper_than_its_limit_and_no_other_is(tmp_path):
    told = write_telemetry(tmp_path, batches=12, faults=Faults(0.5, 0.5, 0.5))
    steep = counted(
        tmp_path,
        "select count(*) from (select tag, abs(regr_slope(value, epoch(ts) / 3600)) as slope "
        "from telemetry group by batch_id, tag) join limits using (tag) "
        "where slope > drift_limit_per_hour",
    )
    assert steep == [(told.drifts,)]


def test_without_faults_nothing_is_missing_and_means_are_the_set_points(tmp_path):
    told = write_telemetry(tmp_path, batches=2, faults=Faults(0, 0, 0))
    assert (told.drifts, told.gaps, told.outliers, told.missed_samples) == (0, 0, 0, 0)
    assert told.samples == 2 * len(TAGS) * SAMPLES
    for tag, mean in counted(tmp_path, "select tag, avg(value) from telemetry group by tag"):
        assert mean == pytest.approx(TAGS[tag].set_point, abs=TAGS[tag].noise / 5)


def test_each_file_is_of_one_batch_and_day(tmp_path):
    told = write_telemetry(tmp_path, batches=7, faults=Faults(0, 0, 0))
    files = Counter()
    for path in told.paths:
        table = pq.read_table(path)
        assert table.schema.equals(SCHEMA)
        (batch,) = set(table["batch_id"].to_pylist())
        (day,) = {moment.date() for moment in table["ts"].to_pylist()}
        assert path.name == f"bioreactor_{batch}_{day:%Y%m%d}.parquet"
        files[batch] += 1
    assert set(files) == {f"BATCH{number:03d}" for number in range(1, 8)}
    # The reactors that start at 14:00 and 20:00 are past midnight before they end.
    assert (files["BATCH001"], files["BATCH002"], files["BATCH003"]) == (1, 2, 2)
    span = "select max(ts) - min(ts) from telemetry group by batch_id"
    assert set(counted(tmp_path, span)) == {(timedelta(minutes=SAMPLES - 1),)}
