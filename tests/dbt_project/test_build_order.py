"""The graph that builds are cut by orders nodes as dbt itself does."""

import networkx as nx
import pytest
from dbt.cli.main import dbtRunner
from dbt.compilation import Linker

from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.settings import PROJECT_ROOT
from lakehouse.transform.build_graph import build_graph, selector_of

DOMAINS = ("pharma_latam", "techstore", "olist", "wells", "bioreactor")
pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    target = tmp_path_factory.mktemp("target")
    project = ["--project-dir", str(PROJECT_ROOT / "dbt"), "--profiles-dir"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_WAREHOUSE", str(target / "warehouse.duckdb"))
        done = dbtRunner().invoke(
            ["parse", *project, str(PROJECT_ROOT / "dbt"), "--target-path", str(target), "--quiet"]
        )
    assert done.success, done.exception
    return done.result


@pytest.fixture(scope="module")
def dbts_order(parsed):
    linker = Linker()
    linker.link_graph(parsed)
    linker.add_test_edges_1(parsed)
    return nx.transitive_closure_dag(linker.graph)


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_waits_for_what_is_as_in_dbt(domain, parsed, dbts_order):
    manifest = Manifest(parsed.writable_manifest().to_dict())
    chosen = [
        unique_id
        for section in ("nodes", "unit_tests")
        for unique_id, node in manifest.content[section].items()
        if domain in node["fqn"][1:2]
    ]
    assert chosen
    ours = build_graph(manifest, chosen)
    tests = [one for one in ours if one.startswith("unit_test.")]
    # dbt's graph has no order for unit tests: its build runs them with their models.
    found = nx.transitive_closure_dag(ours)
    found.remove_nodes_from(tests)
    wanted = {(one, other) for one, other in dbts_order.edges if one in found and other in found}
    assert set(found.edges) == wanted
    selectors = [selector_of(manifest, one) for one in ours]
    assert len(set(selectors)) == len(selectors)
