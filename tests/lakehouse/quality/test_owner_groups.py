from datetime import UTC, datetime

import pytest

from lakehouse.quality.owner_groups import owner_groups
from lakehouse.quality.run_facts import SourceFacts
from lakehouse.quality.source_faults import SourceFault

GROUPS = {
    "group.p.ventas": {
        "name": "ventas",
        "owner": {"name": "Ventas", "email": "ventas@example.com"},
        "config": {"meta": {"language": "es", "notify": "slack-webhook/ventas"}},
    }
}
NODES = {
    "source.p.s.raw": {"source_name": "s", "source_meta": {"owner": "ventas"}},
    "model.p.stg": {"group": "ventas", "parents": ["source.p.s.raw"]},
    "model.p.other": {"parents": ["model.p.stg"]},
    "test.p.unique_stg": {"attached_node": "model.p.stg", "parents": ["model.p.stg"]},
    "test.p.over_both": {"parents": ["model.p.stg", "source.p.s.raw"]},
    "test.p.over_two_owners": {"parents": ["model.p.stg", "model.p.other"]},
}


def named(groups):
    return {group.name: set(group.nodes) for group in groups}


def test_an_owner_has_models_sources_and_the_tests_about_them(make_manifest, make_results):
    manifest = make_manifest(NODES, groups=GROUPS)
    built = {key: "pass" for key in NODES if not key.startswith("source")}
    groups = owner_groups(manifest, make_results(manifest, built))
    assert named(groups) == {
        "ventas": {"source.p.s.raw", "model.p.stg", "test.p.unique_stg", "test.p.over_both"},
        "unowned": {"model.p.other", "test.p.over_two_owners"},
    }
    ventas = groups[0]
    assert (ventas.owner, ventas.email, ventas.language, ventas.notify) == (
        "Ventas",
        "ventas@example.com",
        "es",
        "slack-webhook/ventas",
    )


def test_models_without_a_group_and_without_a_test_make_no_sheet(make_manifest, make_results):
    manifest = make_manifest(NODES, groups=GROUPS)
    results = make_results(manifest, {"model.p.stg": "pass", "model.p.other": "pass"})
    assert set(named(owner_groups(manifest, results))) == {"ventas"}


def test_a_project_without_groups_has_one_sheet_for_all(make_manifest, make_results):
    manifest = make_manifest({"model.p.a": {}, "test.p.b": {"parents": ["model.p.a"]}})
    results = make_results(manifest, {"model.p.a": "pass", "test.p.b": "pass"})
    assert named(owner_groups(manifest, results)) == {"unowned": {"model.p.a", "test.p.b"}}


@pytest.mark.parametrize("is_faulty", [True, False])
def test_a_source_that_nothing_reads_reaches_its_owner_and_without_one_only_if_it_is_at_fault(
    make_manifest, make_results, is_faulty
):
    nodes = {"model.p.a": {"group": "ventas"}, "source.p.s.raw": NODES["source.p.s.raw"]}
    nodes |= {"source.p.s.nobodys": {"source_name": "s"}}
    manifest = make_manifest(nodes, groups=GROUPS)
    fault = SourceFault(1, "missing", "s.nobodys", "*.csv", "", datetime.now(UTC))
    sources = [
        SourceFacts("source.p.s.raw", "s.raw", "never"),
        SourceFacts("source.p.s.nobodys", "s.nobodys", "never", faults=(fault,) * is_faulty),
    ]
    groups = named(owner_groups(manifest, make_results(manifest, {"model.p.a": "pass"}), sources))
    assert groups.pop("ventas") == {"model.p.a", "source.p.s.raw"}
    assert groups == ({"unowned": {"source.p.s.nobodys"}} if is_faulty else {})
