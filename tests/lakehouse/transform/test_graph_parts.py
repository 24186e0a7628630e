from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.transform.graph_parts import GraphPart, split_graph


def graph_of(*edges: tuple[str, str], alone: tuple[str, ...] = ()) -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(edges)
    graph.add_nodes_from(alone)
    return graph


def place_of(parts: tuple[GraphPart, ...]) -> dict[str, int]:
    return {node: at for at, part in enumerate(parts) for node in part.nodes}


@st.composite
def cases(draw):
    size = draw(st.integers(1, 14))
    names = [f"{draw(st.sampled_from(['model', 'test']))}.n{number:02}" for number in range(size)]
    graph = graph_of(alone=tuple(names))
    for at, name in enumerate(names):
        # Nothing waits for a node but what comes after it, so that there is no cycle.
        for other in draw(st.sets(st.sampled_from(names[:at]), max_size=3)) if at else ():
            graph.add_edge(other, name)
    seconds = draw(st.dictionaries(st.sampled_from(names), st.floats(0, 90), max_size=size))
    groups = draw(st.lists(st.sets(st.sampled_from(names), min_size=1, max_size=3), max_size=2))
    return graph, draw(st.integers(1, 4)), seconds, groups, draw(st.sampled_from([0.0, 5.0]))


@given(cases())
def test_every_node_has_one_part_and_every_edge_an_order(case):
    graph, most, seconds, groups, start = case
    parts = split_graph(graph, most, seconds=seconds, together=groups, start_seconds=start)
    assert sorted(node for part in parts for node in part.nodes) == sorted(graph)
    place = place_of(parts)
    for first, then in graph.edges:
        assert place[first] == place[then] or parts[place[first]].wave < parts[place[then]].wave
    for group in groups:
        assert len({place[node] for node in group}) == 1
    waves = [part.wave for part in parts]
    assert set(waves) == set(range(max(waves) + 1))
    assert max(waves) <= 2
    assert all(waves.count(wave) <= most for wave in waves)
    assert all(one.wave <= other.wave for one, other in pairwise(parts))
    assert parts == split_graph(
        graph.copy(), most, seconds=seconds, together=groups, start_seconds=start
    )


@given(cases())
def test_no_cut_takes_longer_than_one_process(case):
    graph, most, seconds, _, start = case
    tests = [node for node in graph if node.startswith("test.")]
    graph.remove_nodes_from(tests)
    parts = split_graph(graph, most, seconds=seconds, start_seconds=start)
    waves = {part.wave for part in parts}
    longest = sum(
        max(part.seconds for part in parts if part.wave == wave) + start for wave in waves
    )
    assert longest <= sum(part.seconds for part in parts) + start + 0.1


def test_a_shared_trunk_comes_first_and_its_branches_are_balanced():
    branches = [(f"model.mid{n}", f"model.end{n}") for n in range(4)]
    graph = graph_of(
        ("model.raw", "model.base"), *(("model.base", mid) for mid, _ in branches), *branches
    )
    seconds = dict.fromkeys(graph, 10.0) | {"model.raw": 1.0, "model.base": 2.0}
    trunk, *rest = split_graph(graph, 2, seconds=seconds)
    assert trunk == GraphPart(0, ("model.base", "model.raw"), 3.0)
    assert [(part.wave, part.seconds, len(part.nodes)) for part in rest] == [
        (1, 40.0, 4),
        (1, 40.0, 4),
    ]


def test_sources_of_one_model_are_shared_out_before_it():
    graph = graph_of(*((f"model.s{n}", "model.all") for n in range(4)))
    parts = split_graph(graph, 4, seconds=dict.fromkeys(graph, 8.0))
    assert [(part.wave, len(part.nodes)) for part in parts] == [(0, 1)] * 4 + [(1, 1)]


def test_what_saves_less_than_a_wave_costs_is_not_cut():
    graph = graph_of(("model.a", "model.b"), ("model.a", "model.c"))
    seconds = dict.fromkeys(graph, 4.0)
    assert len(split_graph(graph, 2, seconds=seconds)) == 3
    (whole,) = split_graph(graph, 2, seconds=seconds, start_seconds=5)
    assert whole.nodes == ("model.a", "model.b", "model.c")


def test_branches_that_share_nothing_need_no_trunk():
    graph = graph_of(("model.a", "model.b"), ("model.c", "model.d"), alone=("model.e",))
    parts = split_graph(graph, 2, seconds={"model.e": 3.0}, start_seconds=5)
    assert {part.wave for part in parts} == {0}
    assert len(parts) == 2


def test_a_test_over_two_branches_comes_last_and_over_one_with_it():
    graph = graph_of(
        ("model.a", "test.both"),
        ("model.b", "test.both"),
        ("model.a", "model.a2"),
        ("model.a", "test.one"),
        ("model.a2", "test.one"),
    )
    parts = split_graph(graph, 2)
    place = place_of(parts)
    assert parts[place["test.both"]] == GraphPart(1, ("test.both",), 1.0)
    assert place["test.one"] == place["model.a2"] == place["model.a"]
    assert place["model.b"] != place["model.a"]


def test_a_test_that_reads_trunk_and_branch_runs_with_the_branch():
    graph = graph_of(
        ("model.t", "model.a"), ("model.t", "model.b"), ("model.t", "test.x"), ("model.a", "test.x")
    )
    parts = split_graph(graph, 2, seconds=dict.fromkeys(graph, 5.0))
    place = place_of(parts)
    assert parts[place["test.x"]].wave == 1
    assert place["test.x"] == place["model.a"] != place["model.b"]


def test_what_is_bound_together_takes_along_what_lies_between():
    graph = graph_of(("model.a", "model.b"), ("model.b", "model.c"), alone=("model.d",))
    parts = split_graph(graph, 4, together=[["model.a", "model.c", "model.unknown"]])
    assert sorted(part.nodes for part in parts) == [
        ("model.a", "model.b", "model.c"),
        ("model.d",),
    ]


def test_nothing_gives_no_parts():
    assert split_graph(graph_of(), 3) == ()


def test_no_parts_at_all_cannot_be_asked_for():
    with pytest.raises(ValueError, match="at least 1"):
        split_graph(graph_of(alone=("model.a",)), 0)


def test_hundreds_of_nodes_are_cut_soon():
    graph = graph_of(
        *((f"model.s{n % 40}", f"model.i{n}") for n in range(240)),
        *((f"model.i{n}", f"model.m{n % 30}") for n in range(240)),
        *((f"model.i{n}", f"model.m{(n + 1) % 30}") for n in range(240)),
    )
    parts = split_graph(graph, 8)
    assert len([part for part in parts if part.wave == 0]) <= 8
    assert max(part.seconds for part in parts) < len(graph) / 2
