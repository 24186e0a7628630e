"""bioreactor through the real flows: figures, layers by tag, and what a part of it publishes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import text

from demo.bioreactor.signals import TAGS, Faults
from demo.bioreactor.telemetry import Telemetry, write_telemetry
from flows.dbt_build import dbt_build
from flows.elt import elt
from flows.ingest import ingest
from flows.publish import publish
from lakehouse.lake.audit_database import audit_engine
from lakehouse.settings import Settings, load_settings

DOMAIN = "bioreactor"
FAULTS = Faults(drift=0.3, gap=0.3, outliers=0.3)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", str(tmp_path_factory.mktemp("bioreactor")))
        patch.delenv("BIOREACTOR_LANDING", raising=False)
        yield load_settings()


@pytest.fixture(scope="module")
def told(home: Settings) -> Telemetry:
    """Six batches, loaded, built and published."""
    told = write_telemetry(home.landing(DOMAIN), batches=6, faults=FAULTS)
    state = elt(DOMAIN, return_state=True)
    assert state.is_completed(), state.message
    assert state.name == "CompletedWithWarnings"
    return told


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_overview_and_the_tests_find_what_the_generator_told(
    told: Telemetry, home: Settings
) -> None:
    overview = rows(
        home.serving(DOMAIN),
        "select count(*), sum(samples), sum(missed_samples), sum(gaps), sum(out_of_range_samples), "
        "sum(len(string_split(drifting_tags, ', '))) from marts.mart_bioreactor_overview",
    )
    figures = (told.batches, told.samples, told.missed_samples, told.gaps, told.outliers)
    assert overview == [(*figures, told.drifts)]
    assert min(told.gaps, told.outliers, told.drifts) > 0
    with audit_engine(home).connect() as connection:
        warned = connection.execute(
            text("select name, failures from node_results where status = 'warn'")
        )
        assert {row.name: row.failures for row in warned} == {
            "assert_every_sample_is_within_the_limits_of_its_tag": told.outliers,
            "assert_no_series_has_a_gap": told.gaps,
            "expression_is_true_fct_batch_stats_is_drifting___false": told.drifts,
        }


def test_statistics_of_windows_are_those_of_the_samples(told: Telemetry, home: Settings) -> None:
    differences = rows(
        home.warehouse(DOMAIN),
        "with plain as (select batch_id, tag, count(*) as n, avg(value) as mean, "
        "stddev_samp(value) as sd, min(value) as lowest, max(value) as highest "
        "from staging.stg_bioreactor group by batch_id, tag) "
        "select count(*), max(abs(mean_value - mean) / mean), max(abs(sd_value - sd) / sd), "
        "bool_and(samples = n and min_value = lowest and max_value = highest) "
        "from core.fct_batch_stats join plain using (batch_id, tag)",
    )
    ((count, mean, sd, exact),) = differences
    assert count == told.batches * len(TAGS)
    assert exact
    assert max(mean, sd) < 1e-9


@pytest.mark.long
class TestPartsByTag:
    """Each layer is built by its tag; new data reach readers whole or not at all."""

    def test_a_part_without_what_it_reads_fails_and_nothing_is_published(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "empty"))
        write_telemetry(load_settings().landing(DOMAIN), batches=1)
        assert ingest(DOMAIN, return_state=True).is_completed()
        built = dbt_build(DOMAIN, select="tag:mart", return_state=True)
        assert built.is_failed()
        assert "could not run" in str(built.message)
        refused = publish(DOMAIN, return_state=True)
        assert refused.is_failed()
        assert "bioreactor is not published" in str(refused.message)

    @pytest.mark.soak
    def test_a_new_warehouse_is_built_part_by_part_and_published_once_all_is_tested(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "empty"))
        settings = load_settings()
        write_telemetry(settings.landing(DOMAIN), batches=1)
        assert ingest(DOMAIN, return_state=True).is_completed()
        waiting = "relationships_stg_bioreactor_tag__tag__ref_bioreactor_tag_limits_"
        for _again in range(2):
            staged = dbt_build(DOMAIN, select="stg_bioreactor", return_state=True)
            assert staged.name == "CompletedWithWarnings", staged.message
            assert "not tested yet, as they also read what was never built" in str(staged.message)
            assert waiting in str(staged.message)
            refused = publish(DOMAIN, return_state=True)
            assert refused.is_failed()
            assert waiting in str(refused.message)
        seed = dbt_build(DOMAIN, select="bioreactor_tag_limits", return_state=True)
        assert waiting in str(seed.message)
        rest = dbt_build(DOMAIN, select="tag:int+", return_state=True)
        assert rest.is_completed(), rest.message
        assert publish(DOMAIN, return_state=True).is_failed()
        # All is there now: every test that touches a part runs with it.
        assert dbt_build(DOMAIN, select="tag:stg", return_state=True).is_completed()
        published = publish(DOMAIN, return_state=True)
        assert published.is_completed(), published.message

    def test_a_part_is_of_its_own_domain_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "empty"))
        settings = load_settings()
        built = dbt_build("pharma_latam", select="+bioreactor_tag_limits", return_state=True)
        assert "bioreactor" not in str(built.message), built.message
        assert (
            rows(
                settings.warehouse("pharma_latam"),
                "from information_schema.tables where table_name like 'bioreactor%'",
            )
            == []
        )

    def test_the_layer_before_the_mart_is_held_back_until_the_mart_follows(
        self, told: Telemetry, home: Settings
    ) -> None:
        overview = "select count(*) from marts.mart_bioreactor_overview"
        write_telemetry(home.landing(DOMAIN), batches=7, faults=FAULTS)
        assert ingest(DOMAIN, return_state=True).is_completed()

        # What readers see is not touched by the layers below it, and can be published again.
        lower = dbt_build(DOMAIN, select="tag:stg tag:int", return_state=True)
        assert lower.is_completed(), lower.message
        assert publish(DOMAIN, return_state=True).is_completed()
        assert rows(home.serving(DOMAIN), overview) == [(told.batches,)]

        curated = dbt_build(DOMAIN, select="tag:curated", return_state=True)
        assert curated.is_failed()
        assert "assert_the_overview_counts_the_samples_of_the_statistics" in str(curated.message)
        refused = publish(DOMAIN, return_state=True)
        assert refused.is_failed()
        assert "Readers keep the last good state" in str(refused.message)
        assert rows(home.serving(DOMAIN), overview) == [(told.batches,)]

        whole = dbt_build(DOMAIN, select="+mart_bioreactor_overview+", return_state=True)
        assert whole.is_completed(), whole.message
        assert publish(DOMAIN, return_state=True).is_completed()
        assert rows(home.serving(DOMAIN), overview) == [(told.batches + 1,)]
