import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.reports import artifact_keys

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


@given(NAMES, NAMES)
def test_two_names_never_share_a_key(one, other):
    keys = {artifact_keys.test_key("olist", name) for name in (one, other)}
    assert len(keys) == len({one, other})


@pytest.mark.parametrize(
    ("one", "other"),
    [("a_b", "a__b"), ("a_b", "A_b"), ("a_b", "a-b"), ("a_b", "_a_b"), ("x" * 200, "x" * 201)],
)
def test_names_that_differ_in_what_a_slug_loses_have_two_keys(one, other):
    assert artifact_keys.test_key("olist", one) != artifact_keys.test_key("olist", other)


def test_a_name_that_looks_like_a_hashed_slug_does_not_take_its_key():
    hashed = artifact_keys.test_key("olist", "a__b").removeprefix("dbt-test-olist-")
    lookalike = hashed.replace("-", "_")
    assert artifact_keys.test_key("olist", lookalike) != artifact_keys.test_key("olist", "a__b")
