from collections.abc import Callable
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.quality.build_results import WORST_FIRST
from lakehouse.quality.run_facts import Lineage, LineageNode
from lakehouse.reports.lineage.layout import MARGIN, Box, Layout, lay_out

KINDS = ("source", "seed", "model", "snapshot", "exposure", "published")


@st.composite
def random_dags(draw: st.DrawFn, most: int = 40) -> Lineage:
    count = draw(st.integers(0, most))
    nodes = tuple(
        LineageNode(
            f"n{at}",
            draw(st.text(max_size=60)),
            draw(st.sampled_from(KINDS)),
            draw(st.sampled_from([*WORST_FIRST, None])),
        )
        for at in range(count)
    )
    ends = st.integers(0, max(0, count - 1))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=3 * count)) if count else []
    return Lineage(nodes, tuple((f"n{min(p)}", f"n{max(p)}") for p in pairs))


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def _box_of(layout: Layout) -> dict[str, Box]:
    return {node.id: box for box in layout.boxes for node in box.nodes}


@settings(max_examples=60, deadline=None)
@given(random_dags(), st.integers(1, 45))
def test_boxes_stand_apart_inside_the_picture_and_right_of_what_they_read(
    lineage: Lineage, most_nodes: int
) -> None:
    layout = lay_out(lineage, most_nodes)
    assert not any(_overlap(*pair) for pair in combinations(layout.boxes, 2))
    for box in layout.boxes:
        assert box.x >= MARGIN
        assert box.x + box.width <= layout.width - MARGIN + 0.01
        assert MARGIN - 0.1 <= box.y <= layout.height - MARGIN - box.height + 0.1
    box_of = _box_of(layout)
    for parent, child in lineage.edges:
        left, right = box_of[parent], box_of[child]
        assert left is right or left.x + left.width < right.x


@settings(max_examples=60, deadline=None)
@given(random_dags())
def test_no_arrow_runs_through_a_box(lineage: Lineage) -> None:
    layout = lay_out(lineage)
    for wire in layout.wires:
        for (x1, y1), (x2, _) in zip(wire.points[1::2], wire.points[2::2], strict=False):
            level = Box((), layout.boxes[0].caption, x1, y1 - 1, x2 - x1, 2)
            assert not any(_overlap(level, box) for box in layout.boxes)
        for (x1, _), (x2, _) in zip(wire.points[::2], wire.points[1::2], strict=True):
            assert all(box.x + box.width <= x1 or box.x >= x2 for box in layout.boxes)


@settings(max_examples=40, deadline=None)
@given(random_dags(), st.integers(1, 45))
def test_every_node_is_in_one_box_and_there_are_not_more_boxes_than_allowed(
    lineage: Lineage, most_nodes: int
) -> None:
    layout = lay_out(lineage, most_nodes)
    assert sorted(node.id for box in layout.boxes for node in box.nodes) == sorted(
        node.id for node in lineage.nodes
    )
    assert len(layout.boxes) <= most_nodes
    assert layout.folded == sum(len(box.nodes) for box in layout.boxes if len(box.nodes) > 1)
    assert layout == lay_out(lineage, most_nodes)


def test_arrows_that_need_not_cross_do_not(make_lineage: Callable[..., Lineage]) -> None:
    layout = lay_out(make_lineage("a>z", "b>y", "c>x", z={}, y={}, x={}))
    box_of = _box_of(layout)
    upper = sorted("abc", key=lambda key: box_of[key].y)
    assert sorted("xyz", key=lambda key: box_of[key].y) == [
        {"a": "z", "b": "y", "c": "x"}[key] for key in upper
    ]


def test_a_single_chain_runs_straight(make_lineage: Callable[..., Lineage]) -> None:
    layout = lay_out(make_lineage("a>b", "b>c", "c>d"))
    assert len({box.y for box in layout.boxes}) == 1


def test_what_fails_and_its_relatives_keep_boxes_of_their_own(
    make_lineage: Callable[..., Lineage],
) -> None:
    edges = [f"s{at}>m{at}" for at in range(30)] + [f"m{at}>p{at}" for at in range(30)]
    layout = lay_out(make_lineage(*edges, m17={"status": "fail"}), most_nodes=12)
    alone = {box.nodes[0].id for box in layout.boxes if not box.folded}
    assert {"s17", "m17", "p17"} <= alone
    assert [box.caption.name for box in layout.boxes if box.folded] == ["+27", "+27", "+27"]
    assert layout.folded == 81


def test_a_fold_shows_the_worst_of_what_it_hides(make_lineage: Callable[..., Lineage]) -> None:
    statuses = {f"m{at}": {"status": "warn"} for at in range(9)}
    layout = lay_out(make_lineage(**statuses), most_nodes=3)
    fold = next(box for box in layout.boxes if box.folded)
    assert (fold.status, fold.caption.line) == ("warn", "warn")


def test_a_long_chain_becomes_short(make_lineage: Callable[..., Lineage]) -> None:
    layout = lay_out(make_lineage(*(f"n{at}>n{at + 1}" for at in range(300))), most_nodes=9)
    assert len({box.x for box in layout.boxes}) == len(layout.boxes) == 9


def test_circles_and_loose_ends_are_left_out(make_lineage: Callable[..., Lineage]) -> None:
    lineage = make_lineage("a>b", "b>c", "c>b", "c>c", "c>d")
    loose = Lineage(lineage.nodes, (*lineage.edges, ("nowhere", "a"), ("a", "nowhere")))
    layout = lay_out(loose)
    drawn = {
        (layout.boxes[wire.parent].nodes[0].id, layout.boxes[wire.child].nodes[0].id)
        for wire in layout.wires
    }
    assert drawn == {("a", "b"), ("c", "d")}


def test_many_edges_between_many_layers_take_little_time_and_room() -> None:
    keys = [f"n{at:02}" for at in range(60)]
    nodes = tuple(LineageNode(key, key, "model", "pass") for key in keys)
    layout = lay_out(Lineage(nodes, tuple(combinations(keys, 2))))
    assert len(layout.wires) == 60 * 59 / 2
    assert layout.height < 60 * 20
