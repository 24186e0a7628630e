import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.reports.artifacts import artifact_keys

NAMES = st.text(max_size=300) | st.text(alphabet="aB_-0 ", max_size=12)


def test_a_plain_name_is_readable_in_its_key():
    key = artifact_keys.test_key("pharma_latam", "unique_stg_ventas_bra_invoice_id")
    assert key == "dbt-test-pharma-latam-unique-stg-ventas-bra-invoice-id"
    assert artifact_keys.build_key("pharma_latam") == "dbt-pharma-latam"
    assert artifact_keys.tests_key("pharma_latam") == "dbt-tests-pharma-latam"


@given(NAMES)
def test_every_key_is_allowed_and_short(name):
    key = artifact_keys.test_key("olist", name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)
    assert len(key) <= len("dbt-test-olist-") + 180


@pytest.mark.parametrize(
    ("one", "other"), [("x" * 200, "x" * 201), ("ñ", "ü"), (f"{'a_' * 100}b", f"{'a_' * 100}c")]
)
def test_long_names_that_differ_only_behind_the_cut_have_two_keys(one, other):
    assert artifact_keys.test_key("olist", one) != artifact_keys.test_key("olist", other)


def test_runs_of_other_characters_become_one_dash():
    key = artifact_keys.test_key("olist", "Accepted_values__status ('a', 'b')")
    assert key == "dbt-test-olist-accepted-values-status-a-b"


def test_owners_lineage_and_models_have_their_keys():
    assert artifact_keys.owner_key("pharma_latam", "Ventas LATAM") == (
        "owner-pharma-latam-ventas-latam"
    )
    assert artifact_keys.lineage_key("pharma_latam") == "lineage-pharma-latam"
    assert artifact_keys.models_key("pharma_latam") == "models-pharma-latam"


@given(NAMES)
def test_the_slug_of_a_slug_is_itself(name):
    assert artifact_keys.slug(artifact_keys.slug(name)) == artifact_keys.slug(name)
